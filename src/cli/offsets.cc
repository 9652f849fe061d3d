// leat lag and leat offsets: how far groups have read topics.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/project_call.h"
#include "core/units.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

struct OffsetsOptions {
  ProjectOptions project;
  std::string output = "text";
  std::string group;
  std::string topic;
  int partition = -1;
  std::string reset;
  bool remove = false;
};

std::vector<std::string> GroupRow(const Json& g) {
  return {g.at("group"),
          g.at("topic"),
          g.at("partition").dump(),
          g.at("offset").dump(),
          g.at("end").dump(),
          g.at("lag").dump(),
          TimeText(g.value("time", int64_t{0})),
          g.at("reader").get<std::string>().empty() ? "-"
                                                    : g.at("reader").get<std::string>()};
}

int ShowOffsets(const OffsetsOptions& options, const Shell& shell) {
  auto answer = AskTopics(options.project,
                          {{"command", "groups"}, {"group", options.group}}, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  const Json& groups = answer->at("groups");
  if (options.output == "json") {
    shell.Out(groups.dump(2) + "\n");
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows = {
      {"GROUP", "TOPIC", "PARTITION", "OFFSET", "END", "LAG", "SINCE", "READER"}};
  for (const Json& g : groups) rows.push_back(GroupRow(g));
  shell.Out(groups.empty() ? "no group has read a topic yet\n" : AsTable(rows));
  return kExitDone;
}

// How many records each group has not read of each topic.
int ShowLag(const OffsetsOptions& options, const Shell& shell) {
  auto answer = AskTopics(options.project,
                          {{"command", "groups"}, {"group", options.group}}, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  std::map<std::pair<std::string, std::string>, int64_t> lags;
  for (const Json& g : answer->at("groups")) {
    lags[{g.at("group"), g.at("topic")}] += g.at("lag").get<int64_t>();
  }
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows = {{"GROUP", "TOPIC", "LAG"}};
  for (const auto& [name, lag] : lags) {
    json.push_back({{"group", name.first}, {"topic", name.second}, {"lag", lag}});
    rows.push_back({name.first, name.second, HumanCount(lag)});
  }
  if (options.output == "json") {
    shell.Out(json.dump(2) + "\n");
  } else {
    shell.Out(lags.empty() ? "no group has read a topic yet\n" : AsTable(rows));
  }
  return kExitDone;
}

int ResetOffsets(const OffsetsOptions& options, const Shell& shell) {
  Json request = {{"command", "groups-reset"},
                  {"group", options.group},
                  {"topic", options.topic},
                  {"to", options.reset}};
  if (options.partition >= 0) request["partition"] = options.partition;
  auto answer = AskTopics(options.project, request, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  if (options.output == "json") {
    shell.Out(answer->at("offsets").dump(2) + "\n");
    return kExitDone;
  }
  for (const Json& o : answer->at("offsets")) {
    shell.Out(fmt::format("{}[{}] goes on at {}\n", o.at("topic").get<std::string>(),
                          o.at("partition").dump(), o.at("offset").dump()));
  }
  return kExitDone;
}

int Offsets(const OffsetsOptions& options, const Shell& shell) {
  if (!options.reset.empty()) return ResetOffsets(options, shell);
  if (!options.remove) return ShowOffsets(options, shell);
  auto answer = AskTopics(
      options.project, {{"command", "groups-delete"}, {"group", options.group}}, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  shell.Out(options.output == "json" ? answer->dump() + "\n"
                                     : fmt::format("deleted group {}\n", options.group));
  return kExitDone;
}

}  // namespace

void AddLag(const Command& command) {
  auto options = std::make_shared<OffsetsOptions>();
  Arguments app = command.arguments.Command(
      "lag", "Show how many records of each topic a group has not read");
  app.Option("GROUP", &options->group, "This group alone");
  AddProject(app, &options->project);
  AddOutput(app, &options->output);
  app.Run([command, options] { *command.exit_code = ShowLag(*options, *command.shell); });
}

void AddOffsets(const Command& command) {
  auto options = std::make_shared<OffsetsOptions>();
  Arguments app = command.arguments.Command(
      "offsets", "Show or reset how far groups have read topics");
  Argument group =
      app.Option("GROUP", &options->group,
                 "The group: its pipeline's name, unless the file says otherwise");
  Argument reset = app.Option(
      "--reset", &options->reset,
      "Let it go on at: earliest, latest, an offset, a time, or how long ago (90m)");
  reset.Needs(group);
  app.Option("--topic", &options->topic, "In this topic alone").Needs(reset);
  app.Option("--partition", &options->partition, "In this partition alone").Needs(reset);
  app.Flag("--delete", &options->remove,
           "Forget the group: it holds back the retention of embedded topics no longer")
      .Needs(group)
      .Excludes(reset);
  AddProject(app, &options->project);
  AddOutput(app, &options->output);
  app.Footer(
      R"(A pipeline that runs on embedded topics goes there at once; others when they start.
On Kafka a group that is being read cannot be reset or deleted: stop its pipelines first.

Examples:
  leat offsets
  leat offsets sink-mysql-workers
  leat offsets sink-mysql-workers --reset earliest
  leat offsets sink-mysql-workers --reset 1200 --topic enriched_orders --partition 0)");
  app.Run([command, options] { *command.exit_code = Offsets(*options, *command.shell); });
}

}  // namespace leat
