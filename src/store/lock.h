// The lock on a data folder: one process at a time, let go by the kernel when it ends.
// The file names the holder, for the error that the next one gives.
#pragma once

#include <filesystem>
#include <memory>

#include "base/status.h"

namespace leat {

class FolderLock {
 public:
  // kConfig when somebody else holds it.
  static Result<std::unique_ptr<FolderLock>> Take(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace leat
