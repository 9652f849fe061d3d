#include "cli/log_files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/folder.h"
#include "cli/terminal.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using std::chrono::system_clock;

// The pipeline's name as the last field of a JSON line that has none.
std::string Named(std::string_view line, const std::string& pipeline) {
  std::string out(line);
  if (pipeline.empty() || line.find("\"pipeline\":") != std::string_view::npos ||
      !line.ends_with('}')) {
    return out + "\n";
  }
  out.pop_back();
  return out + ",\"pipeline\":\"" + pipeline + "\"}\n";
}

}  // namespace

RotatingFile::~RotatingFile() {
  if (fd_ >= 0) close(fd_);
}

void RotatingFile::Open() {
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct stat now = {};
  if (fd_ < 0 || fstat(fd_, &now) != 0) return;
  bytes_ = now.st_size;
  // Of one that was there before the newest line is all that is known.
  first_ = bytes_ > 0 ? system_clock::from_time_t(now.st_mtime) : system_clock::now();
}

void RotatingFile::Rotate() {
  close(fd_);
  std::error_code ignored;
  auto numbered = [&](int i) { return path_.string() + "." + std::to_string(i); };
  for (int i = limits_.kept; i > 1; i--)
    fs::rename(numbered(i - 1), numbered(i), ignored);
  fs::rename(path_, numbered(1), ignored);
  Open();
}

void RotatingFile::Append(std::string_view lines) {
  if (fd_ < 0) Open();
  const auto size = static_cast<int64_t>(lines.size());
  const bool large = bytes_ + size > limits_.bytes;
  if (bytes_ > 0 && (large || system_clock::now() - first_ > limits_.age)) Rotate();
  if (fd_ < 0) return;
  WriteAll(fd_, lines);
  bytes_ += size;
}

LogFiles::Stream::Stream(std::string name, fs::path path, LogLevel level,
                         const RotationLimits& limits)
    : pipeline(std::move(name)), file(std::move(path), limits) {
  if (pipe2(pipe, O_CLOEXEC) == 0) fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  log = std::make_unique<Logger>(pipe[1], level, Logger::Format::kJson);
}

LogFiles::Stream::~Stream() {
  for (int end : pipe) {
    if (end >= 0) close(end);
  }
}

LogFiles::LogFiles(fs::path folder, LogLevel level, int copy,
                   const RotationLimits& limits)
    : folder_(std::move(folder)), level_(level), copy_(copy), limits_(limits) {}

Result<std::unique_ptr<LogFiles>> LogFiles::Open(const fs::path& folder, LogLevel level,
                                                 int copy, const RotationLimits& limits) {
  RETURN_IF_ERROR(MakeFolder(folder));
  std::unique_ptr<LogFiles> made(new LogFiles(folder, level, copy, limits));
  if (pipe2(made->wake_, O_CLOEXEC | O_NONBLOCK) != 0) {
    return Status::Config("no file descriptor is left for the logs in " +
                          folder.string() + "; raise the limit (ulimit -n)");
  }
  made->own_ = made->Add("").log.get();
  made->thread_ = std::thread([m = made.get()] { m->Run(); });
  return made;
}

LogFiles::~LogFiles() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    WriteAll(wake_[1], "w");
    thread_.join();
  }
  for (int end : wake_) {
    if (end >= 0) close(end);
  }
}

LogFiles::Stream& LogFiles::Add(const std::string& pipeline) {
  const std::string file = (pipeline.empty() ? "leat" : pipeline) + ".log";
  auto& stream = streams_[file];  // a pipeline "leat" shares the process's
  if (!stream) {
    stream = std::make_unique<Stream>(pipeline, folder_ / file, level_, limits_);
  }
  return *stream;
}

Logger& LogFiles::Of(const std::string& pipeline) {
  std::lock_guard lock(mutex_);
  Logger& log = *Add(pipeline).log;
  WriteAll(wake_[1], "w");
  return log;
}

void LogFiles::Run() {
  for (bool over = false; !over;) {
    std::vector<Stream*> streams;
    std::vector<pollfd> events = {{wake_[0], POLLIN, 0}};
    {
      std::lock_guard lock(mutex_);
      over = over_;
      for (auto& [name, stream] : streams_) {
        streams.push_back(stream.get());
        events.push_back({stream->pipe[0], POLLIN, 0});
      }
    }
    if (!over) poll(events.data(), events.size(), -1);
    char woken[64];
    while (read(wake_[0], woken, sizeof woken) > 0) {
    }
    for (Stream* stream : streams) {
      while (Take(*stream)) {
      }
    }
  }
}

bool LogFiles::Take(Stream& stream) {
  char buffer[16384];
  const ssize_t n = read(stream.pipe[0], buffer, sizeof buffer);
  if (n <= 0) return n < 0 && errno == EINTR;
  stream.kept.append(buffer, static_cast<size_t>(n));
  std::string lines;
  size_t start = 0;
  for (size_t end; (end = stream.kept.find('\n', start)) != std::string::npos;
       start = end + 1) {
    lines +=
        Named(std::string_view(stream.kept).substr(start, end - start), stream.pipeline);
  }
  stream.kept.erase(0, start);
  if (lines.empty()) return true;
  stream.file.Append(lines);
  if (copy_ >= 0) WriteAll(copy_, lines);
  return true;
}

}  // namespace leat
