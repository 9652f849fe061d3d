#include "connectors/iceberg/index/file_numbers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace leat::iceberg {
namespace {

Status NumbersFailed(const std::filesystem::path& path, const char* doing) {
  return Status::Transient(
      fmt::format("{} {}: {}", doing, path.string(), std::strerror(errno)));
}

std::string Line(uint32_t number, const std::string& location) {
  return fmt::format("{}\t{}\n", number, location);
}

}  // namespace

Status AppendAll(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return NumbersFailed(path, "writing");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Status::Ok();
}

Result<std::unique_ptr<FileNumbers>> FileNumbers::Open(std::filesystem::path path) {
  std::unique_ptr<FileNumbers> files(new FileNumbers(std::move(path)));
  RETURN_IF_ERROR(files->Load());
  return files;
}

FileNumbers::~FileNumbers() {
  if (fd_ >= 0) close(fd_);
}

Status FileNumbers::Load() {
  std::ifstream in(path_);
  std::string line;
  off_t whole = 0;
  while (std::getline(in, line) && !in.eof()) {
    whole += static_cast<off_t>(line.size()) + 1;
    const size_t tab = line.find('\t');
    const auto number = static_cast<uint32_t>(std::strtoul(line.c_str(), nullptr, 10));
    if (tab == std::string::npos || number == 0) continue;
    std::string location = line.substr(tab + 1);
    last_ = std::max(last_, number);
    numbers_[location] = number;
    locations_[number] = std::move(location);
  }
  fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) return NumbersFailed(path_, "opening");
  // A line that a killed process left half written goes.
  if (ftruncate(fd_, whole) != 0) return NumbersFailed(path_, "trimming");
  return Status::Ok();
}

Result<uint32_t> FileNumbers::Add(const std::string& location) {
  if (const uint32_t number = Find(location)) return number;
  RETURN_IF_ERROR(AppendAll(fd_, Line(last_ + 1, location), path_));
  last_++;
  numbers_[location] = last_;
  locations_[last_] = location;
  return last_;
}

uint32_t FileNumbers::Find(const std::string& location) const {
  const auto found = numbers_.find(location);
  return found == numbers_.end() ? 0 : found->second;
}

const std::string& FileNumbers::Location(uint32_t number) const {
  static const std::string none;
  const auto found = locations_.find(number);
  return found == locations_.end() ? none : found->second;
}

Status FileNumbers::Retain(const std::set<std::string>& locations) {
  if (locations_.size() < 2 * locations.size() + 1000) return Status::Ok();
  // The last number stays known, or it could be given again.
  std::string text = Line(last_, Location(last_));
  std::unordered_map<uint32_t, std::string> kept{{last_, Location(last_)}};
  for (const auto& [number, location] : locations_) {
    if (number == last_ || !locations.contains(location)) continue;
    text += Line(number, location);
    kept[number] = location;
  }
  const std::filesystem::path next = path_.string() + ".next";
  const int fd =
      open(next.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return NumbersFailed(next, "opening");
  const Status written = AppendAll(fd, text, next);
  if (!written.ok() || fdatasync(fd) != 0 || rename(next.c_str(), path_.c_str()) != 0) {
    close(fd);
    return written.ok() ? NumbersFailed(next, "replacing") : written;
  }
  close(fd_);
  fd_ = fd;
  locations_ = std::move(kept);
  numbers_.clear();
  for (const auto& [number, location] : locations_) numbers_[location] = number;
  return Status::Ok();
}

Status FileNumbers::Flush() const {
  return fdatasync(fd_) == 0 ? Status::Ok() : NumbersFailed(path_, "writing");
}

}  // namespace leat::iceberg
