// FileNumbers: short numbers for the data files of a table, from 1, never given twice,
// kept in an append-only file of lines "number<TAB>location". One owner, one thread.
// Errors: kTransient (disk full), kConfig.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"

namespace leat::iceberg {

class FileNumbers {
 public:
  static Result<std::unique_ptr<FileNumbers>> Open(std::filesystem::path path);
  ~FileNumbers();
  FileNumbers(const FileNumbers&) = delete;
  FileNumbers& operator=(const FileNumbers&) = delete;

  // The number of a location, a new one if it has none. Written before it is answered, so
  // that a number used by a process that is killed is known to the next.
  Result<uint32_t> Add(const std::string& location);
  // 0: none.
  uint32_t Find(const std::string& location) const;
  // "": no such number.
  const std::string& Location(uint32_t number) const;
  size_t size() const { return locations_.size(); }
  // Forgets all others, when that is worth writing the file again.
  Status Retain(const std::set<std::string>& locations);
  Status Flush() const;

 private:
  explicit FileNumbers(std::filesystem::path path) : path_(std::move(path)) {}
  Status Load();

  const std::filesystem::path path_;
  int fd_ = -1;
  uint32_t last_ = 0;
  std::unordered_map<uint32_t, std::string> locations_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

// Appends all of `bytes` to a file; kTransient names `path`.
Status AppendAll(int fd, std::string_view bytes, const std::filesystem::path& path);

}  // namespace leat::iceberg
