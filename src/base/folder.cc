#include "base/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace leat {
namespace {

namespace fs = std::filesystem;

Status Failed(const char* doing, const fs::path& folder, const std::string& why) {
  return Status::Config(std::string(doing) + " the folder " + folder.string() + ": " +
                        why);
}

}  // namespace

Status SyncFolder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  return synced ? Status::Ok() : Failed("making durable", folder, std::strerror(error));
}

Status MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::path at = fs::absolute(folder, error).lexically_normal();
  if (!at.has_filename()) at = at.parent_path();  // it ended with a slash
  std::vector<fs::path> named_in{at.parent_path()};
  while (!error && !fs::exists(named_in.back(), error) && !error) {
    named_in.push_back(named_in.back().parent_path());
  }
  if (!error) fs::create_directories(at, error);
  if (error) return Failed("making", folder, error.message());
  const bool was_there = named_in.size() == 1;
  for (const fs::path& parent : named_in) {
    // Who may not list a folder above an existing one did not make a name in it.
    if (was_there && ::access(parent.c_str(), R_OK) != 0) continue;
    RETURN_IF_ERROR(SyncFolder(parent));
  }
  return Status::Ok();
}

}  // namespace leat
