// LogFiles: the logs of a daemon below data/logs: leat.log for the process itself,
// NAME.log for each pipeline, JSON lines. A line of a pipeline names it, whoever wrote
// the line. A file that is large or old gets the name FILE.1, the one before it FILE.2,
// and so on; of these a few are kept.
//
// Loggers write into pipes; one thread of this takes the lines from there to the files,
// and to `copy` where that is given. Own and Of: any thread. A file that cannot be
// written is left out: a log has nowhere to say so.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/status.h"

namespace leat {

struct RotationLimits {
  int64_t bytes = 16 << 20;
  std::chrono::hours age{24};
  int kept = 7;  // besides the one that is written
};

// One file; one thread.
class RotatingFile {
 public:
  RotatingFile(std::filesystem::path path, const RotationLimits& limits)
      : path_(std::move(path)), limits_(limits) {}
  ~RotatingFile();
  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  void Append(std::string_view lines);

 private:
  void Open();
  void Rotate();

  const std::filesystem::path path_;
  const RotationLimits limits_;
  int fd_ = -1;
  int64_t bytes_ = 0;
  std::chrono::system_clock::time_point first_;  // of its first line
};

class LogFiles {
 public:
  // `copy`: a file descriptor that gets every line too; -1: none. kConfig: the folder
  // cannot be made.
  static Result<std::unique_ptr<LogFiles>> Open(const std::filesystem::path& folder,
                                                LogLevel level, int copy,
                                                const RotationLimits& limits = {});
  // Everything that was logged is in the files.
  ~LogFiles();

  Logger& own() { return *own_; }
  // Lives as long as this.
  Logger& Of(const std::string& pipeline);

 private:
  struct Stream {
    Stream(std::string name, std::filesystem::path file, LogLevel level,
           const RotationLimits& limits);
    ~Stream();
    const std::string pipeline;  // empty: the process
    int pipe[2] = {-1, -1};
    std::unique_ptr<Logger> log;
    RotatingFile file;
    std::string kept;  // the start of a line whose end has not come yet
  };

  LogFiles(std::filesystem::path folder, LogLevel level, int copy,
           const RotationLimits& limits);
  Stream& Add(const std::string& pipeline);
  void Run();
  // False: there is nothing more for now.
  bool Take(Stream& stream);

  const std::filesystem::path folder_;
  const LogLevel level_;
  const int copy_;
  const RotationLimits limits_;
  int wake_[2] = {-1, -1};
  Logger* own_ = nullptr;

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Stream>> streams_;  // by file; only grows
  bool over_ = false;
  std::thread thread_;
};

}  // namespace leat
