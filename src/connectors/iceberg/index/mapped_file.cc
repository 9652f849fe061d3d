#include "connectors/iceberg/index/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace leat::iceberg {
namespace {

constexpr size_t kPage = 4096;

Status MapFailed(const std::string& path, const char* doing, int error) {
  std::string message =
      std::string(doing) + " key index " + path + ": " + std::strerror(error);
  if (error == EACCES || error == EROFS || error == EPERM) {
    return Status::Config(message + "; make the data folder writable");
  }
  return Status::Transient(message);
}

}  // namespace

Result<MappedFile> MappedFile::Open(const std::string& path, size_t bytes) {
  MappedFile made;
  made.fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (made.fd_ < 0) return MapFailed(path, "opening", errno);
  struct stat info {};
  if (fstat(made.fd_, &info) != 0) return MapFailed(path, "opening", errno);
  if (info.st_size < static_cast<off_t>(bytes)) {
    const int error = posix_fallocate(made.fd_, 0, static_cast<off_t>(bytes));
    if (error != 0) return MapFailed(path, "extending", error);
  }
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, made.fd_, 0);
  if (data == MAP_FAILED) return MapFailed(path, "mapping", errno);
  made.data_ = static_cast<uint8_t*>(data);
  made.size_ = bytes;
  return made;
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_) munmap(data_, size_);
  if (fd_ >= 0) close(fd_);
}

Status MappedFile::Flush() const {
  if (data_ && (msync(data_, size_, MS_SYNC) != 0 || fdatasync(fd_) != 0)) {
    return Status::Transient(std::string("writing the key index: ") +
                             std::strerror(errno));
  }
  return Status::Ok();
}

void MappedFile::Release(size_t offset, size_t bytes) const {
  const size_t from = (offset + kPage - 1) / kPage * kPage;
  const size_t to = (offset + bytes) / kPage * kPage;
  if (to <= from) return;
  // Where the file system cannot, the pages stay until the file is removed.
  (void)fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(from), static_cast<off_t>(to - from));
}

}  // namespace leat::iceberg
