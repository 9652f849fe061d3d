// The lock on a data folder: one process at a time, let go by the kernel when it ends.
// The file names the holder, for the error that the next one gives.
#pragma once

#include <filesystem>
#include <memory>

#include "base/status.h"

namespace leat {

class FolderLock {
 public:
  // Waits two seconds for whoever holds it; kConfig when somebody still does.
  static Result<std::unique_ptr<FolderLock>> Take(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace leat
