// leat status: what the pipelines of a project do, from the process that runs them.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "cli/project_call.h"
#include "cli/view_text.h"
#include "core/units.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kWatchEvery = std::chrono::seconds(2);
constexpr size_t kMostErrorInTable = 120;

struct StatusOptions {
  std::string name;
  ProjectOptions project;
  std::string output = "text";
  bool watch = false;
};

std::vector<std::string> StatusRow(const std::string& name, const Json& view) {
  const int64_t since = view.value("since", int64_t{0});
  const int64_t now = Clock::System().WallMicros();
  const double rate = view.value("rows_per_second", 0.0);
  return {name,
          view.value("state", ""),
          since > 0 ? HumanDuration(std::max<int64_t>(now - since, 0)) : "-",
          HumanCount(view.value("rows", int64_t{0})),
          HumanCount(std::llround(rate)),
          LagText(view),
          std::to_string(view.value("restarts", int64_t{0})),
          BreakerText(view),
          ErrorText(view, kMostErrorInTable)};
}

std::string StatusAsText(const Json& answer) {
  const int64_t pid = answer.value("pid", int64_t{0});
  std::string out = pid == 0 ? "no process runs this project; leat start starts one\n"
                             : fmt::format("process {}\n", pid);
  std::vector<std::vector<std::string>> rows = {{"NAME", "STATE", "SINCE", "ROWS",
                                                 "ROWS/S", "LAG", "RESTARTS", "BREAKER",
                                                 "ERROR"}};
  for (const auto& [name, view] : answer.at("pipelines").items()) {
    rows.push_back(StatusRow(name, view));
  }
  return rows.size() == 1 ? out : out + AsTable(rows);
}

// Of the named pipeline alone, if one is named.
Result<Json> AskStatus(const StatusOptions& options, const Shell& shell) {
  ASSIGN_OR_RETURN(Json answer,
                   AskProject(options.project, {{"command", "status"}}, shell));
  answer.erase("ok");
  if (options.name.empty()) return answer;
  Json& all = answer.at("pipelines");
  if (!all.contains(options.name)) {
    return Status::Config("there is no pipeline \"" + options.name +
                          "\" in this project; leat status lists them");
  }
  all = {{options.name, all.at(options.name)}};
  return answer;
}

int ShowStatus(const StatusOptions& options, const Shell& shell) {
  const bool json = options.output == "json";
  do {
    auto answer = AskStatus(options, shell);
    if (!answer.ok() && !options.watch) return shell.Fail(answer.status());
    std::string text;
    if (!answer.ok()) {
      text = answer.status().message() + "\n";
    } else if (json) {
      text = answer->dump(options.watch ? -1 : 2) + "\n";
    } else {
      text = StatusAsText(*answer);
    }
    if (options.watch && !json && shell.out_is_terminal()) shell.Out("\x1b[H\x1b[2J");
    shell.Out(text);
    if (options.watch) std::this_thread::sleep_for(kWatchEvery);
  } while (options.watch);
  return kExitDone;
}

}  // namespace

void AddStatus(const Command& command) {
  auto options = std::make_shared<StatusOptions>();
  Arguments app =
      command.arguments.Command("status", "Show what the pipelines of a project do");
  app.Option("NAME", &options->name, "This pipeline alone");
  app.Flag("--watch", &options->watch, "Go on showing it, until interrupted");
  AddProject(app, &options->project);
  AddOutput(app, &options->output);
  app.Footer(
      R"(SINCE is how long it has been in its state, ROWS counts since the process started, ERROR says
why it is in its state, or what it has overcome last. docs/operations.md tells the states.

Examples:
  leat status
  leat status orders --output json
  leat status --watch --project /srv/shop)");
  app.Run(
      [command, options] { *command.exit_code = ShowStatus(*options, *command.shell); });
}

}  // namespace leat
