// What a daemon wrote to data/logs: lines of one pipeline's log or of all, filtered.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace leat {

inline constexpr std::string_view kLogLevels[] = {"debug", "info", "warn", "error"};

struct LogLine {
  std::string time;  // "2026-11-29T20:03:00.123Z": sorts as text
  std::string text;  // with its end
};

// What lines have to be to be shown.
struct LogFilter {
  std::string since;    // as LogLine::time; empty: any
  ptrdiff_t level = 0;  // in kLogLevels
  bool json = false;    // text: as it stands in the file

  // `since`: how long ago, or a time, or the beginning of one. kConfig: it is neither, or
  // there is no such level.
  static Result<LogFilter> Parse(std::string since, std::string_view level, bool json);
};

// One log, with the files it was rotated away to. Owned by one thread.
class LogReader {
 public:
  // That of `name`, or of all where it is empty. kConfig: there is none.
  static Result<std::vector<LogReader>> Find(const std::filesystem::path& folder,
                                             const std::string& name);

  explicit LogReader(std::filesystem::path path) : path_(std::move(path)) {}
  ~LogReader();
  LogReader(LogReader&& other) noexcept;
  LogReader& operator=(LogReader&&) = delete;

  void ReadAll(const LogFilter& filter, std::vector<LogLine>* lines);
  // What has come since; also where the file was rotated away meanwhile.
  void Follow(const LogFilter& filter, std::vector<LogLine>* lines);

 private:
  void Open(const std::filesystem::path& file);
  void ReadOn(const LogFilter& filter, std::vector<LogLine>* lines);

  const std::filesystem::path path_;
  int fd_ = -1;
  std::string text_;  // the start of a line whose end has not come yet
};

// In the order of their times, the newest `most`.
void KeepNewest(size_t most, std::vector<LogLine>* lines);

// The request {"command":"logs","pipeline":P,"limit":N,"level":L,"since":S} -> lines: the
// objects as they stand in the log. Any thread.
Result<std::string> AnswerLogs(const std::filesystem::path& folder,
                               std::string_view request);

}  // namespace leat
