#include "wire/s3_file_io.h"

#include <arrow/filesystem/s3fs.h>
#include <arrow/io/interfaces.h>
#include <fmt/format.h>

#include <cstdlib>

namespace leat {
namespace {

constexpr std::string_view kScheme = "s3://";

// Reports the object as durable once the store took it: then Sync has nothing to do.
class S3Output final : public OutputFile {
 public:
  S3Output(std::string location, std::shared_ptr<arrow::io::OutputStream> stream)
      : OutputFile(std::move(location)), stream_(std::move(stream)) {}

  ~S3Output() override {
    // Arrow would complete the upload of a file that was given up.
    if (!closed_) (void)stream_->Abort();
  }
  arrow::io::OutputStream& stream() override { return *stream_; }
  Status Close() override {
    closed_ = true;
    return FromArrow(stream_->Close(), "uploading " + location());
  }

 private:
  std::shared_ptr<arrow::io::OutputStream> stream_;
  bool closed_ = false;
};

class S3FileIo final : public FileIo {
 public:
  S3FileIo(std::string root, std::shared_ptr<arrow::fs::S3FileSystem> fs)
      : FileIo(std::move(root)), fs_(std::move(fs)) {}

  bool local() const override { return false; }
  Result<std::unique_ptr<OutputFile>> Create(const std::string& location) override;
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> Open(
      const std::string& location) override;
  Status Sync() override { return Status::Ok(); }
  Result<bool> CreateExclusive(const std::string& location, std::string_view) override {
    return Status::Config("S3 as it is reached here cannot create " + location +
                          " only if it is absent");
  }
  Status Replace(const std::string& location, std::string_view bytes) override {
    return Write(location, bytes);
  }
  Status Remove(const std::string& location) override;
  Result<bool> Exists(const std::string& location) override;
  Result<std::vector<FileInfo>> List(const std::string& folder) override;

 private:
  // "s3://bucket/key" -> "bucket/key"
  static Result<std::string> Key(const std::string& location);

  std::shared_ptr<arrow::fs::S3FileSystem> fs_;
};

Result<std::string> S3FileIo::Key(const std::string& location) {
  for (std::string_view scheme : {"s3://", "s3a://", "s3n://"}) {
    if (location.starts_with(scheme)) return location.substr(scheme.size());
  }
  return Status::Config(location + " is no S3 location, but the warehouse is in S3");
}

Result<std::unique_ptr<OutputFile>> S3FileIo::Create(const std::string& location) {
  ASSIGN_OR_RETURN(std::string key, Key(location));
  auto stream = fs_->OpenOutputStream(key);
  if (!stream.ok()) return FromArrow(stream.status(), "creating " + location);
  return std::unique_ptr<OutputFile>(
      new S3Output(location, std::move(stream).ValueUnsafe()));
}

Result<std::shared_ptr<arrow::io::RandomAccessFile>> S3FileIo::Open(
    const std::string& location) {
  ASSIGN_OR_RETURN(std::string key, Key(location));
  auto file = fs_->OpenInputFile(key);
  if (!file.ok()) return FromArrow(file.status(), "opening " + location);
  return std::move(file).ValueUnsafe();
}

Status S3FileIo::Remove(const std::string& location) {
  ASSIGN_OR_RETURN(bool there, Exists(location));
  if (!there) return Status::Ok();
  ASSIGN_OR_RETURN(std::string key, Key(location));
  return FromArrow(fs_->DeleteFile(key), "removing " + location);
}

Result<bool> S3FileIo::Exists(const std::string& location) {
  ASSIGN_OR_RETURN(std::string key, Key(location));
  auto info = fs_->GetFileInfo(key);
  if (!info.ok()) return FromArrow(info.status(), "looking for " + location);
  return info->type() == arrow::fs::FileType::File;
}

Result<std::vector<FileInfo>> S3FileIo::List(const std::string& folder) {
  arrow::fs::FileSelector below;
  ASSIGN_OR_RETURN(below.base_dir, Key(folder));
  below.recursive = true;
  below.allow_not_found = true;
  auto listed = fs_->GetFileInfo(below);
  if (!listed.ok()) return FromArrow(listed.status(), "listing " + folder);
  std::vector<FileInfo> found;
  for (const arrow::fs::FileInfo& info : *listed) {
    if (info.type() != arrow::fs::FileType::File) continue;
    auto modified = std::chrono::duration_cast<std::chrono::microseconds>(
        info.mtime().time_since_epoch());
    found.push_back({std::string(kScheme) + info.path(), info.size(), modified.count()});
  }
  return found;
}

std::string FirstOf(const std::string& given, std::initializer_list<const char*> names) {
  if (!given.empty()) return given;
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value && *value) return value;
  }
  return {};
}

arrow::fs::S3Options ToArrow(const S3Options& options) {
  std::string key = FirstOf(options.access_key, {"AWS_ACCESS_KEY_ID"});
  std::string secret = FirstOf(options.secret_key, {"AWS_SECRET_ACCESS_KEY"});
  std::string session = FirstOf(options.session_token, {"AWS_SESSION_TOKEN"});
  auto made = key.empty() ? arrow::fs::S3Options::Defaults()
                          : arrow::fs::S3Options::FromAccessKey(key, secret, session);
  made.region = FirstOf(options.region, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  std::string endpoint =
      FirstOf(options.endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  if (size_t scheme = endpoint.find("://"); scheme != std::string::npos) {
    made.scheme = endpoint.substr(0, scheme);
    endpoint.erase(0, scheme + 3);
  }
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
  made.endpoint_override = endpoint;
  // With an endpoint of its own the region means nothing, but signing wants one, and the
  // SDK would ask the network for it.
  if (!endpoint.empty() && made.region.empty()) made.region = "us-east-1";
  made.force_virtual_addressing = !options.path_style;
  made.allow_delayed_open = true;  // a small file is one request
  return made;
}

Status StartS3() {
  static const arrow::Status started = [] {
    auto options = arrow::fs::S3GlobalOptions::Defaults();
    options.log_level = arrow::fs::S3LogLevel::Off;
    return arrow::fs::InitializeS3(options);
  }();
  return FromArrow(started, "starting S3");
}

// Arrow wants to be told before the process ends. Called once it has made a file system:
// handlers run in reverse order, and this one must come before Arrow's own destructors.
void EndS3AtExit() {
  static const int registered = std::atexit([] { (void)arrow::fs::FinalizeS3(); });
  (void)registered;
}

}  // namespace

Result<std::unique_ptr<FileIo>> MakeS3FileIo(std::string root, const S3Options& options) {
  if (root.size() <= kScheme.size() || root[kScheme.size()] == '/') {
    return Status::Config("The warehouse '" + root + "' names no bucket");
  }
  RETURN_IF_ERROR(StartS3());
  auto fs = arrow::fs::S3FileSystem::Make(ToArrow(options));
  if (!fs.ok()) return FromArrow(fs.status(), "reaching " + root);
  EndS3AtExit();
  return std::unique_ptr<FileIo>(
      new S3FileIo(std::move(root), std::move(fs).ValueUnsafe()));
}

}  // namespace leat
