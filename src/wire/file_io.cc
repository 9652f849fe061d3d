#include "wire/file_io.h"

#include <arrow/buffer.h>
#include <arrow/io/file.h>
#include <arrow/util/io_util.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>

#include "base/failpoint.h"
#include "wire/s3_file_io.h"

namespace leat {
namespace {

constexpr std::string_view kFileScheme = "file:";
// More closed files than this are made durable as they come, so that an epoch with many
// partitions does not run out of descriptors.
constexpr size_t kMaxPending = 128;

// What the user can do about an errno, and whether waiting helps.
Status FromErrno(int error, std::string_view doing) {
  const std::string what = fmt::format("{}: {}", doing, std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT: return Status::Transient(what + "; free space on that disk");
    case EROFS: return Status::Config(what + "; the warehouse must be writable");
    case EACCES:
    case EPERM:
      return Status::Config(what + "; give this user the right to read and write there");
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP: return Status::Config(what);
    case ENOENT: return Status::Config(what + "; the table misses a file");
    case EIO: return Status::Config(what + "; the disk is failing");
    default: return Status::Transient(what);
  }
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

Status SyncNames(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || ::fsync(fd.get()) != 0) {
    return FromErrno(errno, "making durable the folder " + folder);
  }
  return Status::Ok();
}

std::string FolderOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

struct Pending {
  Fd fd;
  std::string path;
};

// Shared with the files it made, which may outlive a Sync.
class LocalFileIo final : public FileIo {
 public:
  explicit LocalFileIo(std::string root) : FileIo(std::move(root)) {}

  bool local() const override { return true; }
  Result<std::unique_ptr<OutputFile>> Create(const std::string& location) override;
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> Open(
      const std::string& location) override;
  Status Sync() override;
  Result<bool> CreateExclusive(const std::string& location,
                               std::string_view bytes) override;
  Status Replace(const std::string& location, std::string_view bytes) override;
  Status Remove(const std::string& location) override;
  Result<bool> Exists(const std::string& location) override;
  Result<std::vector<FileInfo>> List(const std::string& folder) override;

  Status MakeFolder(const std::string& folder);
  Status Hand(Fd fd, std::string path);

 private:
  Status SyncLocked();
  Result<std::string> WriteTemporary(const std::string& path, std::string_view bytes);

  std::mutex mutex_;
  std::vector<Pending> pending_;
  std::set<std::string> dirty_folders_;
  std::set<std::string> known_folders_;
  Status broken_;  // an fsync failed: what was handed before may be lost, for good
  uint64_t temporaries_ = 0;
};

class LocalOutput final : public OutputFile {
 public:
  LocalOutput(LocalFileIo& io, std::string location, std::string path,
              std::shared_ptr<arrow::io::FileOutputStream> stream)
      : OutputFile(std::move(location)),
        io_(io),
        path_(std::move(path)),
        stream_(std::move(stream)) {}

  arrow::io::OutputStream& stream() override { return *stream_; }
  Status Close() override {
    Fd fd(::fcntl(stream_->file_descriptor(), F_DUPFD_CLOEXEC, 0));
    if (!fd.ok()) return FromErrno(errno, "closing " + path_);
    RETURN_IF_ERROR(FromArrow(stream_->Close(), "closing " + path_));
    return io_.Hand(std::move(fd), path_);
  }

 private:
  LocalFileIo& io_;
  std::string path_;
  std::shared_ptr<arrow::io::FileOutputStream> stream_;
};

Status LocalFileIo::MakeFolder(const std::string& folder) {
  std::lock_guard lock(mutex_);
  if (known_folders_.contains(folder)) return Status::Ok();
  std::vector<std::string> missing;
  const bool has_root = !known_folders_.empty();
  for (std::string at = folder; at != "/" && !known_folders_.contains(at);
       at = FolderOf(at)) {
    if (::access(at.c_str(), F_OK) != 0) {
      missing.push_back(at);
      continue;
    }
    // Whoever made it may have been killed before its name was durable; who may not list
    // the folder above did not make a name in it.
    if (::access(FolderOf(at).c_str(), R_OK) == 0) dirty_folders_.insert(FolderOf(at));
    if (!has_root) break;
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (::mkdir(at->c_str(), 0777) != 0 && errno != EEXIST) {
      return FromErrno(errno, "making the folder " + *at);
    }
    dirty_folders_.insert(FolderOf(*at));
  }
  known_folders_.insert(folder);
  return Status::Ok();
}

Status LocalFileIo::Hand(Fd fd, std::string path) {
  std::lock_guard lock(mutex_);
  dirty_folders_.insert(FolderOf(path));
  pending_.push_back({std::move(fd), std::move(path)});
  if (pending_.size() <= kMaxPending) return Status::Ok();
  return SyncLocked();
}

Status LocalFileIo::Sync() {
  std::lock_guard lock(mutex_);
  return SyncLocked();
}

Status LocalFileIo::SyncLocked() {
  RETURN_IF_ERROR(broken_);
  if (pending_.empty() && dirty_folders_.empty()) return Status::Ok();
  RETURN_IF_ERROR(failpoint::Durable("iceberg.files.before_sync"));
  // All writing starts before the first wait: then one commit of the file system's
  // journal serves most of the files.
  for (const Pending& file : pending_) {
    (void)::sync_file_range(file.fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  for (const Pending& file : pending_) {
    if (::fsync(file.fd.get()) == 0) continue;
    broken_ = FromErrno(errno, "making durable the file " + file.path);
    return broken_;
  }
  pending_.clear();
  for (const std::string& folder : dirty_folders_) {
    broken_ = SyncNames(folder);
    RETURN_IF_ERROR(broken_);
  }
  dirty_folders_.clear();
  return failpoint::Durable("iceberg.files.after_sync");
}

Result<std::unique_ptr<OutputFile>> LocalFileIo::Create(const std::string& location) {
  std::string path = LocalPath(location);
  if (path.empty()) return Status::Bug("not a local file: " + location);
  RETURN_IF_ERROR(MakeFolder(FolderOf(path)));
  auto stream = arrow::io::FileOutputStream::Open(path);
  if (!stream.ok()) return FromArrow(stream.status(), "creating " + path);
  return std::unique_ptr<OutputFile>(
      new LocalOutput(*this, location, path, std::move(stream).ValueUnsafe()));
}

Result<std::shared_ptr<arrow::io::RandomAccessFile>> LocalFileIo::Open(
    const std::string& location) {
  std::string path = LocalPath(location);
  if (path.empty()) {
    return Status::Config(fmt::format(
        "{} lies outside the warehouse {}, whose files are local", location, root()));
  }
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return FromArrow(file.status(), "opening " + path);
  return std::shared_ptr<arrow::io::RandomAccessFile>(std::move(file).ValueUnsafe());
}

// A complete, durable file beside `path`, under a name nobody else takes.
Result<std::string> LocalFileIo::WriteTemporary(const std::string& path,
                                                std::string_view bytes) {
  RETURN_IF_ERROR(MakeFolder(FolderOf(path)));
  uint64_t number;
  {
    std::lock_guard lock(mutex_);
    number = ++temporaries_;
  }
  std::string name = fmt::format("{}.{}-{}.tmp", path, ::getpid(), number);
  Fd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!fd.ok()) return FromErrno(errno, "creating " + name);
  while (!bytes.empty()) {
    ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      Status failed = FromErrno(errno, "writing " + name);
      ::unlink(name.c_str());
      return failed;
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return FromErrno(errno, "making durable the file " + name);
  return name;
}

Result<bool> LocalFileIo::CreateExclusive(const std::string& location,
                                          std::string_view bytes) {
  const std::string path = LocalPath(location);
  ASSIGN_OR_RETURN(std::string temporary, WriteTemporary(path, bytes));
  bool done = ::link(temporary.c_str(), path.c_str()) == 0;
  int error = done ? 0 : errno;
  ::unlink(temporary.c_str());
  if (error == EEXIST) return false;
  if (error != 0) return FromErrno(error, "creating " + path);
  RETURN_IF_ERROR(SyncNames(FolderOf(path)));
  return true;
}

Status LocalFileIo::Replace(const std::string& location, std::string_view bytes) {
  const std::string path = LocalPath(location);
  ASSIGN_OR_RETURN(std::string temporary, WriteTemporary(path, bytes));
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return FromErrno(errno, "renaming to " + path);
  }
  return SyncNames(FolderOf(path));
}

Status LocalFileIo::Remove(const std::string& location) {
  const std::string path = LocalPath(location);
  if (path.empty()) return Status::Bug("not a local file: " + location);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FromErrno(errno, "removing " + path);
  }
  return Status::Ok();
}

Result<bool> LocalFileIo::Exists(const std::string& location) {
  const std::string path = LocalPath(location);
  if (::access(path.c_str(), F_OK) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return FromErrno(errno, "looking for " + path);
}

Result<std::vector<FileInfo>> LocalFileIo::List(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<FileInfo> found;
  std::error_code error;
  const std::string path = LocalPath(folder);
  fs::recursive_directory_iterator at(path, error), end;
  if (error == std::errc::no_such_file_or_directory) return found;
  for (; !error && at != end; at.increment(error)) {
    struct stat info;
    // A file that went away between listing and looking is none.
    if (::stat(at->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    found.push_back({folder + at->path().string().substr(path.size()), info.st_size,
                     info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1000});
  }
  if (error) return FromErrno(error.value(), "listing " + path);
  return found;
}

// "./lake/" -> "file:///home/me/lake", run in /home/me
Result<std::string> LocalRoot(const std::string& warehouse) {
  std::string path = LocalPath(warehouse);
  std::error_code error;
  path = std::filesystem::absolute(path, error).lexically_normal();
  if (error) return FromErrno(error.value(), "finding the warehouse " + warehouse);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return "file://" + path;
}

}  // namespace

Result<std::unique_ptr<FileIo>> FileIo::Make(const std::string& warehouse,
                                             const S3Options& s3) {
  for (std::string_view scheme : {"s3://", "s3a://", "s3n://"}) {
    if (!warehouse.starts_with(scheme)) continue;
    std::string root = "s3://" + warehouse.substr(scheme.size());
    while (root.back() == '/') root.pop_back();
    return MakeS3FileIo(std::move(root), s3);
  }
  if (LocalPath(warehouse).empty()) {
    return Status::Config(fmt::format(
        "The warehouse '{}' is neither a folder nor an s3://bucket/prefix", warehouse));
  }
  ASSIGN_OR_RETURN(std::string root, LocalRoot(warehouse));
  auto io = std::make_unique<LocalFileIo>(root);
  RETURN_IF_ERROR(io->MakeFolder(LocalPath(root)));
  return std::unique_ptr<FileIo>(std::move(io));
}

Status FileIo::Write(const std::string& location, std::string_view bytes) {
  ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, Create(location));
  RETURN_IF_ERROR(
      FromArrow(file->stream().Write(bytes.data(), static_cast<int64_t>(bytes.size())),
                "writing " + location));
  return file->Close();
}

Result<std::string> FileIo::Read(const std::string& location) {
  ASSIGN_OR_RETURN(std::shared_ptr<arrow::io::RandomAccessFile> file, Open(location));
  auto size = file->GetSize();
  if (!size.ok()) return FromArrow(size.status(), "reading " + location);
  auto buffer = file->ReadAt(0, *size);
  if (!buffer.ok()) return FromArrow(buffer.status(), "reading " + location);
  return (*buffer)->ToString();
}

std::string LocalPath(std::string_view location) {
  if (location.starts_with(kFileScheme)) {
    location.remove_prefix(kFileScheme.size());
    if (location.starts_with("//")) {
      location.remove_prefix(2);
      if (location.starts_with("localhost/")) location.remove_prefix(9);
    }
    return std::string(location);
  }
  if (location.find("://") != std::string_view::npos) return {};
  return std::string(location);
}

Status FromArrow(const arrow::Status& status, std::string_view doing) {
  if (status.ok()) return Status::Ok();
  if (int error = arrow::internal::ErrnoFromStatus(status))
    return FromErrno(error, doing);
  const std::string what = fmt::format("{}: {}", doing, status.message());
  for (std::string_view denied :
       {"ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "FORBIDDEN",
        "HTTP status 403", "UNRECOGNIZED_CLIENT", "AuthorizationHeaderMalformed"}) {
    if (status.message().find(denied) == std::string::npos) continue;
    return Status::Config(what +
                          "; check the credentials, the region and the policy of "
                          "the bucket");
  }
  if (status.message().find("NO_SUCH_BUCKET") != std::string::npos ||
      status.message().find("bucket does not exist") != std::string::npos) {
    return Status::Config(what + "; create the bucket first");
  }
  if (status.IsIOError()) return Status::Transient(what);
  if (status.IsOutOfMemory()) return Status::Transient(what);
  return Status::Bug(what);
}

}  // namespace leat
