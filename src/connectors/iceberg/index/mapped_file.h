// MappedFile: a file of fixed size, mapped shared, with its blocks reserved, so that a
// full disk is an error here and never a SIGBUS later. One owner. Errors: kTransient
// (disk full), kConfig (not permitted).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace leat::iceberg {

class MappedFile {
 public:
  // Opens or makes the file; a new or shorter one is extended with zeros.
  static Result<MappedFile> Open(const std::string& path, size_t bytes);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  Status Flush() const;
  // Gives whole pages of the range back to the file system; they must not be read again.
  void Release(size_t offset, size_t bytes) const;

 private:
  int fd_ = -1;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace leat::iceberg
