#include "cli/log_lines.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/json.h"
#include "core/suggest.h"
#include "core/units.h"
#include "runtime/view.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string LineAsText(const Json& line) {
  std::string text = fmt::format("{} {:5} {}", line.value("ts", ""),
                                 line.value("level", ""), line.value("msg", ""));
  for (const auto& [name, value] : line.items()) {
    if (name == "ts" || name == "level" || name == "msg") continue;
    text += fmt::format("  {}={}", name,
                        value.is_string() ? value.get<std::string>() : DumpJson(value));
  }
  return text;
}

// Nothing when it does not pass the filter.
std::optional<LogLine> ReadLine(const std::string& text, const LogFilter& filter) {
  const Json line = TryParseJson<Json>(text);
  if (!line.is_object()) return std::nullopt;
  const std::string time = line.value("ts", "");
  const auto* level = std::ranges::find(kLogLevels, line.value("level", "error"));
  if (time < filter.since || level - std::begin(kLogLevels) < filter.level) {
    return std::nullopt;
  }
  return LogLine{time, (filter.json ? text : LineAsText(line)) + "\n"};
}

// "10m" is that long ago; else a time as logs have it, or the beginning of one. Without a
// Z at its end it sorts before all of its own second.
Result<std::string> SinceOf(std::string text) {
  if (auto ago = ParseDuration(text)) {
    text = UtcTime(Clock::System().WallMicros() - *ago);
  }
  if (text.ends_with('Z')) text.pop_back();
  if (text.empty()) return text;
  if (text.size() >= 4 &&
      text.find_first_not_of("0123456789-:.TZ") == std::string::npos) {
    return text;
  }
  return Status::Config("\"" + text +
                        "\" is no time; write how long ago, such as 10m, or one such as "
                        "2026-11-29T20:03:00Z");
}

}  // namespace

Result<LogFilter> LogFilter::Parse(std::string since, std::string_view level, bool json) {
  LogFilter filter;
  ASSIGN_OR_RETURN(filter.since, SinceOf(std::move(since)));
  filter.level = std::ranges::find(kLogLevels, level) - std::begin(kLogLevels);
  filter.json = json;
  if (filter.level < std::ssize(kLogLevels)) return filter;
  return Status::Config(fmt::format(
      "\"{}\" is no level; {}", level,
      Suggest(level, {std::begin(kLogLevels), std::end(kLogLevels)}, "it is one of")));
}

Result<std::vector<LogReader>> LogReader::Find(const fs::path& folder,
                                               const std::string& name) {
  std::vector<LogReader> logs;
  if (!name.empty()) {
    const fs::path file = folder / (name + ".log");
    if (fs::exists(file)) {
      logs.emplace_back(file);
      return logs;
    }
    return Status::Config(
        "there is no log " + file.string() +
        "; leat start writes one for each pipeline, leat run to stderr");
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".log") logs.emplace_back(entry.path());
  }
  if (!logs.empty()) return logs;
  return Status::Config("there are no logs in " + folder.string() +
                        "; leat start writes them, leat run to stderr");
}

LogReader::~LogReader() { Open(""); }

LogReader::LogReader(LogReader&& other) noexcept
    : path_(other.path_),
      fd_(std::exchange(other.fd_, -1)),
      text_(std::move(other.text_)) {}

void LogReader::ReadAll(const LogFilter& filter, std::vector<LogLine>* lines) {
  std::vector<fs::path> files = {path_};
  for (int i = 1; fs::exists(files.back()) || i == 1; i++) {
    files.push_back(path_.string() + "." + std::to_string(i));
  }
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    Open(*file);
    ReadOn(filter, lines);
  }
}

void LogReader::Follow(const LogFilter& filter, std::vector<LogLine>* lines) {
  ReadOn(filter, lines);
  struct stat there = {};
  struct stat mine = {};
  if (stat(path_.c_str(), &there) != 0) return;
  if (fd_ >= 0 && fstat(fd_, &mine) == 0 && mine.st_ino == there.st_ino) return;
  ReadOn(filter, lines);  // what came between the two
  Open(path_);
  ReadOn(filter, lines);
}

void LogReader::Open(const fs::path& file) {
  if (fd_ >= 0) close(fd_);
  fd_ = file.empty() ? -1 : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  text_.clear();
}

// Whole lines only: the last one may still be written.
void LogReader::ReadOn(const LogFilter& filter, std::vector<LogLine>* lines) {
  char buffer[65536];
  for (ssize_t n; fd_ >= 0 && (n = read(fd_, buffer, sizeof buffer)) > 0;) {
    text_.append(buffer, static_cast<size_t>(n));
    size_t start = 0;
    for (size_t end; (end = text_.find('\n', start)) != std::string::npos;
         start = end + 1) {
      auto line = ReadLine(text_.substr(start, end - start), filter);
      if (line) lines->push_back(*std::move(line));
    }
    text_.erase(0, start);
  }
}

void KeepNewest(size_t most, std::vector<LogLine>* lines) {
  std::ranges::stable_sort(*lines, {}, &LogLine::time);
  const size_t drop = lines->size() - std::min(lines->size(), most);
  lines->erase(lines->begin(), lines->begin() + static_cast<ptrdiff_t>(drop));
}

Result<std::string> AnswerLogs(const fs::path& folder, std::string_view request) {
  const Json asked = ParseJson<Json>(request);
  ASSIGN_OR_RETURN(const LogFilter filter,
                   LogFilter::Parse(asked.value("since", ""),
                                    asked.value("level", "debug"), /*json=*/true));
  // Who has said nothing yet has no log.
  auto logs = LogReader::Find(folder, asked.value("pipeline", ""));
  std::vector<LogLine> lines;
  if (logs.ok()) {
    for (LogReader& log : *logs) log.ReadAll(filter, &lines);
  }
  KeepNewest(asked.value("limit", size_t{100}), &lines);
  std::string answer = "{\"lines\":[";
  for (const LogLine& line : lines) {
    if (!answer.ends_with('[')) answer += ',';
    answer.append(line.text, 0, line.text.size() - 1);
  }
  return answer + "]}";
}

}  // namespace leat
