// leat logs: what a daemon wrote to data/logs, of one pipeline or of all.
#include <thread>

#include "cli/commands.h"
#include "cli/log_lines.h"

namespace leat {
namespace {

constexpr auto kFollowLogsEvery = std::chrono::milliseconds(200);

struct LogsOptions {
  std::string name;
  ProjectOptions project;
  std::string since;
  std::string level = "debug";
  std::string output = "text";
  int lines = 100;
  bool follow = false;
};

void Print(std::vector<LogLine> lines, size_t most, const Shell& shell) {
  KeepNewest(most, &lines);
  std::string text;
  for (const LogLine& line : lines) text += line.text;
  shell.Out(text);
}

int ShowLogs(const LogsOptions& options, const Shell& shell) {
  auto settings = LoadSettings(options.project, shell);
  if (!settings.ok()) return shell.Fail(settings.status());
  auto filter = LogFilter::Parse(options.since, options.level, options.output == "json");
  if (!filter.ok()) return shell.Fail(filter.status());
  auto logs = LogReader::Find(settings->data / "logs", options.name);
  if (!logs.ok()) return shell.Fail(logs.status());
  std::vector<LogLine> lines;
  for (LogReader& log : *logs) log.ReadAll(*filter, &lines);
  // With a time to start from, everything since.
  Print(std::move(lines),
        filter->since.empty() ? static_cast<size_t>(options.lines) : SIZE_MAX, shell);
  while (options.follow) {
    std::this_thread::sleep_for(kFollowLogsEvery);
    lines.clear();
    for (LogReader& log : *logs) log.Follow(*filter, &lines);
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
