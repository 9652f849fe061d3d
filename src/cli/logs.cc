// leat logs: what a daemon wrote to data/logs, of one pipeline or of all.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "core/json.h"
#include "core/units.h"
#include "runtime/view.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr auto kFollowLogsEvery = std::chrono::milliseconds(200);
constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};

struct LogsOptions {
  std::string name;
  ProjectOptions project;
  std::string since;
  std::string level = "debug";
  std::string output = "text";
  int lines = 100;
  bool follow = false;
};

struct Line {
  std::string time;  // "2026-11-29T20:03:00.123Z": sorts as text
  std::string text;
};

// What lines have to be to be shown.
struct Filter {
  std::string since;  // as Line::time; empty: any
  ptrdiff_t level = 0;
  bool json = false;
};

std::string LineAsText(const Json& line) {
  std::string text = fmt::format("{} {:5} {}", line.value("ts", ""),
                                 line.value("level", ""), line.value("msg", ""));
  for (const auto& [name, value] : line.items()) {
    if (name == "ts" || name == "level" || name == "msg") continue;
    text += fmt::format("  {}={}", name,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

// Nothing when it does not pass the filter.
std::optional<Line> ReadLine(const std::string& text, const Filter& filter) {
  const Json line = TryParseJson<Json>(text);
  if (!line.is_object()) return std::nullopt;
  const std::string time = line.value("ts", "");
  const auto* level = std::ranges::find(kLevels, line.value("level", "error"));
  if (time < filter.since || level - std::begin(kLevels) < filter.level) {
    return std::nullopt;
  }
  return Line{time, (filter.json ? text : LineAsText(line)) + "\n"};
}

// One log, with the files it was rotated away to.
class Log {
 public:
  explicit Log(fs::path path) : path_(std::move(path)) {}
  ~Log() { Open(""); }
  Log(Log&& other) noexcept
      : path_(other.path_), fd_(std::exchange(other.fd_, -1)), text_(other.text_) {}
  Log& operator=(Log&&) = delete;

  void ReadAll(const Filter& filter, std::vector<Line>* lines) {
    std::vector<fs::path> files = {path_};
    for (int i = 1; fs::exists(files.back()) || i == 1; i++) {
      files.push_back(path_.string() + "." + std::to_string(i));
    }
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      Open(*file);
      ReadOn(filter, lines);
    }
  }

  // What has come since; also where the file was rotated away meanwhile.
  void Follow(const Filter& filter, std::vector<Line>* lines) {
    ReadOn(filter, lines);
    struct stat there = {};
    struct stat mine = {};
    if (stat(path_.c_str(), &there) != 0) return;
    if (fd_ >= 0 && fstat(fd_, &mine) == 0 && mine.st_ino == there.st_ino) return;
    ReadOn(filter, lines);  // what came between the two
    Open(path_);
    ReadOn(filter, lines);
  }

 private:
  void Open(const fs::path& file) {
    if (fd_ >= 0) close(fd_);
    fd_ = file.empty() ? -1 : open(file.c_str(), O_RDONLY | O_CLOEXEC);
    text_.clear();
  }

  // Whole lines only: the last one may still be written.
  void ReadOn(const Filter& filter, std::vector<Line>* lines) {
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

  const fs::path path_;
  int fd_ = -1;
  std::string text_;  // the start of a line whose end has not come yet
};

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

Result<std::vector<Log>> Find(const LogsOptions& options, const fs::path& folder) {
  std::vector<Log> logs;
  if (!options.name.empty()) {
    const fs::path file = folder / (options.name + ".log");
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

void Print(std::vector<Line> lines, size_t most, const Shell& shell) {
  std::ranges::stable_sort(lines, {}, &Line::time);
  std::string text;
  for (size_t i = lines.size() - std::min(lines.size(), most); i < lines.size(); i++) {
    text += lines[i].text;
  }
  shell.Out(text);
}

int ShowLogs(const LogsOptions& options, const Shell& shell) {
  auto settings = LoadSettings(options.project, shell);
  if (!settings.ok()) return shell.Fail(settings.status());
  auto since = SinceOf(options.since);
  if (!since.ok()) return shell.Fail(since.status());
  auto logs = Find(options, settings->data / "logs");
  if (!logs.ok()) return shell.Fail(logs.status());
  const Filter filter{*since, std::ranges::find(kLevels, options.level) - kLevels,
                      options.output == "json"};
  std::vector<Line> lines;
  for (Log& log : *logs) log.ReadAll(filter, &lines);
  // With a time to start from, everything since.
  Print(std::move(lines), since->empty() ? static_cast<size_t>(options.lines) : SIZE_MAX,
        shell);
  while (options.follow) {
    std::this_thread::sleep_for(kFollowLogsEvery);
    lines.clear();
    for (Log& log : *logs) log.Follow(filter, &lines);
    Print(std::move(lines), SIZE_MAX, shell);
  }
  return kExitDone;
}

}  // namespace

void AddLogs(const Command& command) {
  auto options = std::make_shared<LogsOptions>();
  Arguments app = command.arguments.Command(
      "logs", "Show what a daemon has logged, of one pipeline or of all");
  app.Option("NAME", &options->name,
             "The pipeline, or leat for the process itself; without it, everything");
  app.Flag("-f,--follow", &options->follow, "Go on with what comes, until interrupted");
  app.Option("--since", &options->since,
             "From then on: how long ago (10m), or a time (2026-11-29T20:03:00Z)");
  app.Option("--level", &options->level, "Of this level or a higher one")
      .OneOf({"debug", "info", "warn", "error"});
  app.Option("-n,--lines", &options->lines, "The newest so many, unless --since is given")
      .Between(int64_t{0}, int64_t{1'000'000})
      .ShowDefault();
  AddProject(app, &options->project);
  AddOutput(app, &options->output);
  app.Footer(R"(With --output json the lines are as they stand in data/logs.

Examples:
  leat logs
  leat logs orders -f
  leat logs orders --since 1h --level warn)");
  app.Run(
      [command, options] { *command.exit_code = ShowLogs(*options, *command.shell); });
}

}  // namespace leat
