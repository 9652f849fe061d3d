#include "store/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace leat {
namespace {

// " by process 1234", or nothing where the holder did not get to say.
std::string Holder(int fd) {
  char text[32] = {};
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  if (n <= 0) return "";
  text[strcspn(text, "\n")] = 0;
  return std::string(" by process ") + text;
}

// A command that only looks holds the lock for a moment, so it is worth some patience.
bool Lock(int fd) {
  constexpr auto kPatience = std::chrono::seconds(2);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::Take(
    const std::filesystem::path& folder) {
  std::filesystem::path file = folder / "leat.lock";
  int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Status::Config("cannot write to the data folder " + folder.string() + ": " +
                          strerror(errno) +
                          "; make it writable, or choose another one with --data");
  }
  if (!Lock(fd)) {
    bool held = errno == EWOULDBLOCK;
    std::string why = held ? "is in use" + Holder(fd)
                           : std::string("cannot be locked: ") + strerror(errno);
    close(fd);
    return Status::Config("the data folder " + folder.string() + " " + why +
                          (held ? "; stop that process first, or choose another folder "
                                  "with --data"
                                : "; choose a folder on a local disk with --data"));
  }
  std::string pid = std::to_string(getpid()) + "\n";
  // The number is for the error text of others only.
  if (ftruncate(fd, 0) == 0) {
    [[maybe_unused]] ssize_t n = pwrite(fd, pid.data(), pid.size(), 0);
  }
  return std::unique_ptr<FolderLock>(new FolderLock(fd));
}

FolderLock::~FolderLock() { close(fd_); }

}  // namespace leat
