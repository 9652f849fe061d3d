// FileIo: the files of a warehouse, in a local folder or in S3 (Arrow's S3 file system).
//
// Files are named by locations as table metadata writes them, "file:///lake/x" or
// "s3://bucket/x", never percent-decoded; a plain local path is taken too. A file becomes
// durable in two steps, so that an epoch pays for one pass of fsync: OutputFile::Close
// hands it to the FileIo, and Sync() makes all handed files and their folders durable.
// Nothing may name a file before Sync() returned OK. On S3 Close is already durable.
// Thread-safe. Errors: kTransient (network, disk full), kConfig (access denied, read-only
// disk, no such bucket), each with the location.
#pragma once

#include <arrow/io/type_fwd.h>
#include <arrow/status.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace leat {

// How to reach S3; a field left empty is taken from the environment (AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL_S3,
// AWS_ENDPOINT_URL) or from the AWS SDK's own chain.
struct S3Options {
  std::string endpoint;  // http://127.0.0.1:9000; empty: AWS
  std::string region;
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  bool path_style = true;  // with an endpoint: http://endpoint/bucket/key
};

struct FileInfo {
  std::string location;
  int64_t size = 0;
  int64_t modified = 0;  // microseconds since 1970 UTC
};

// A file being written. Dropped without Close it is no promise: the file may or may not
// be there and nobody names it.
class OutputFile {
 public:
  virtual ~OutputFile() = default;

  const std::string& location() const { return location_; }
  virtual arrow::io::OutputStream& stream() = 0;
  // No write may follow. Durable once FileIo::Sync returns.
  virtual Status Close() = 0;

 protected:
  explicit OutputFile(std::string location) : location_(std::move(location)) {}

 private:
  std::string location_;
};

class FileIo {
 public:
  // `warehouse` is a folder (relative to the working directory or absolute), file:// or
  // s3://bucket/prefix. A local folder is created. S3 is initialised with the first one.
  static Result<std::unique_ptr<FileIo>> Make(const std::string& warehouse,
                                              const S3Options& s3);
  virtual ~FileIo() = default;

  // The warehouse as a location, without a slash at its end.
  const std::string& root() const { return root_; }
  virtual bool local() const = 0;

  // A new file (folders are made as needed); replaces a leftover of the same name.
  virtual Result<std::unique_ptr<OutputFile>> Create(const std::string& location) = 0;
  virtual Result<std::shared_ptr<arrow::io::RandomAccessFile>> Open(
      const std::string& location) = 0;
  // Makes every file closed so far, and its folder, durable.
  virtual Status Sync() = 0;
  // A whole new file with one content, durable on return and visible whole or not at all.
  // False when one of that name was there already (local only; kConfig on S3, which
  // cannot promise it here).
  virtual Result<bool> CreateExclusive(const std::string& location,
                                       std::string_view bytes) = 0;
  // The same, in place of what was there.
  virtual Status Replace(const std::string& location, std::string_view bytes) = 0;

  // A file that is not there is no error.
  virtual Status Remove(const std::string& location) = 0;
  virtual Result<bool> Exists(const std::string& location) = 0;
  // Every file below, in no order; none when there is no such folder.
  virtual Result<std::vector<FileInfo>> List(const std::string& folder) = 0;

  // Conveniences over the above.
  Status Write(const std::string& location, std::string_view bytes);
  Result<std::string> Read(const std::string& location);

 protected:
  explicit FileIo(std::string root) : root_(std::move(root)) {}

 private:
  std::string root_;
};

// The path of a local location ("file:///lake" -> "/lake"), or nothing for another
// scheme.
std::string LocalPath(std::string_view location);

// An Arrow error as ours: `doing` says what was tried and on which location.
Status FromArrow(const arrow::Status& status, std::string_view doing);

}  // namespace leat
