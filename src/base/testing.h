// What tests of every folder share: a value or the end of the test program, and a folder
// of a test's own.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "base/status.h"

namespace leat {

// The value, or the end of the test program with the error: there is nothing to test
// then.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    std::abort();
  }
  return *std::move(result);
}
inline void Must(const Status& status) {
  Must<int>(status.ok() ? Result<int>(0) : status);
}

// A file's bytes; none where there is no file.
inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A folder that goes with the object. In memory where there is such a place: thousands of
// commits wait for thousands of fsyncs elsewhere. LEAT_TEST_OUT names a folder where it
// stays as <name>, for a judge from outside.
class TestFolder {
 public:
  explicit TestFolder(const std::string& name) {
    if (const char* out = std::getenv("LEAT_TEST_OUT")) {
      keep_ = true;
      path_ = std::filesystem::path(out) / name;
      std::filesystem::remove_all(path_);
      std::filesystem::create_directories(path_);
      return;
    }
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK) == 0;
    std::string pattern = (usable ? memory : std::filesystem::temp_directory_path()) /
                          ("leat-" + name + "-XXXXXX");
    if (!mkdtemp(pattern.data())) std::abort();
    path_ = pattern;
  }
  ~TestFolder() {
    if (!keep_) std::filesystem::remove_all(path_);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string path() const { return path_.string(); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
  bool keep_ = false;
};

}  // namespace leat
