// leat topics: the topics of a project.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/project_call.h"
#include "core/units.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

struct TopicsOptions {
  ProjectOptions project;
  std::string output = "text";
  std::string topic;
  int64_t before = -1;
  int partition = -1;
  int partitions = 1;
  std::string retention;
  std::string retention_bytes;
  bool compact = false;
};

// What the broker does not know is "-".
std::string Known(const Json& facts, const char* field, std::string (*text)(int64_t)) {
  return facts.contains(field) ? text(facts.at(field).get<int64_t>()) : "-";
}

std::string AsNumber(int64_t number) { return std::to_string(number); }

// A topic's facts: those of its partitions taken together.
Json TotalsOf(const Json& topic) {
  int64_t records = 0;
  Json totals = Json::object();
  for (const Json& p : topic.at("partitions")) {
    records += p.at("end").get<int64_t>() - p.at("start").get<int64_t>();
    if (p.contains("bytes")) {
      totals["bytes"] = totals.value("bytes", int64_t{0}) + p.at("bytes").get<int64_t>();
    }
    if (p.contains("newest")) {
      totals["newest"] =
          std::max(totals.value("newest", int64_t{0}), p.at("newest").get<int64_t>());
    }
  }
  totals["records"] = records;
  return totals;
}

int List(const TopicsOptions& options, const Shell& shell) {
  auto answer = AskTopics(options.project, {{"command", "topics"}}, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  const Json& topics = answer->at("topics");
  if (options.output == "json") {
    shell.Out(topics.dump(2) + "\n");
    return kExitDone;
  }
  if (topics.empty()) {
    shell.Out("there are no topics yet\n");
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows = {
      {"TOPIC", "PARTITIONS", "RECORDS", "KEPT", "NEWEST"}};
  for (const Json& topic : topics) {
    const Json totals = TotalsOf(topic);
    rows.push_back({topic.at("name"), std::to_string(topic.at("partitions").size()),
                    Known(totals, "records", HumanCount),
                    Known(totals, "bytes", HumanBytes),
                    Known(totals, "newest", TimeText)});
  }
  shell.Out(AsTable(rows));
  return kExitDone;
}

// "; kept 7d, the newest of each key"; nothing where we may not know.
std::string KeptText(const Json& topic) {
  if (!topic.contains("retention_ms")) return "";
  const int64_t retention = topic.at("retention_ms");
  const int64_t bytes = topic.at("retention_bytes");
  return fmt::format("; kept {}{}{}",
                     retention > 0 ? FormatDuration(retention * 1000) : "for ever",
                     bytes > 0 ? ", at most " + FormatBytes(bytes) + " a partition" : "",
                     topic.at("compact").get<bool>() ? ", the newest of each key" : "");
}

int Describe(const TopicsOptions& options, const Shell& shell) {
  auto answer = AskTopics(options.project,
                          {{"command", "topics"}, {"topic", options.topic}}, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  const Json& topic = answer->at("topics").at(0);
  if (options.output == "json") {
    shell.Out(topic.dump(2) + "\n");
    return kExitDone;
  }
  const std::string since =
      topic.contains("created") ? ", since " + Known(topic, "created", TimeText) : "";
  shell.Out(options.topic + since + KeptText(topic) + "\n");
  std::vector<std::vector<std::string>> rows = {
      {"PARTITION", "START", "END", "KEPT", "SEGMENTS", "NEWEST"}};
  for (const Json& p : topic.at("partitions")) {
    rows.push_back({p.at("partition").dump(), p.at("start").dump(), p.at("end").dump(),
                    Known(p, "bytes", HumanBytes), Known(p, "segments", AsNumber),
                    Known(p, "newest", TimeText)});
  }
  shell.Out(AsTable(rows));
  return kExitDone;
}

// A command that changes something and says what it did.
int Change(const TopicsOptions& options, const Json& request, const std::string& done,
           const Shell& shell) {
  auto answer = AskTopics(options.project, request, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  shell.Out(options.output == "json" ? answer->dump(2) + "\n" : done + "\n");
  return kExitDone;
}

int Create(const TopicsOptions& options, const Shell& shell) {
  Json request = {{"command", "topics-create"},
                  {"topic", options.topic},
                  {"partitions", options.partitions},
                  {"compact", options.compact}};
  if (!options.retention.empty()) {
    auto micros = ParseDuration(options.retention);
    if (!micros) {
      shell.Err("--retention has to be a duration, such as 7d\n");
      return kExitUsage;
    }
    request["retention_us"] = *micros;
  }
  if (!options.retention_bytes.empty()) {
    auto bytes = ParseBytes(options.retention_bytes);
    if (!bytes) {
      shell.Err("--retention-bytes has to be a size, such as 10GiB\n");
      return kExitUsage;
    }
    request["retention_bytes"] = *bytes;
  }
  return Change(options, request, "created " + options.topic, shell);
}

int DeleteRecords(const TopicsOptions& options, const Shell& shell) {
  Json request = {{"command", "topics-delete-records"}, {"topic", options.topic}};
  if (options.before >= 0) request["before"] = options.before;
  if (options.partition >= 0) request["partition"] = options.partition;
  return Change(options, request, "deleted records of " + options.topic, shell);
}

Arguments Add(Arguments parent, TopicsOptions* options, const std::string& name,
              const std::string& help) {
  Arguments app = parent.Command(name, help);
  AddProject(app, &options->project);
  AddOutput(app, &options->output);
  return app;
}

using TopicCommand = int (*)(const TopicsOptions&, const Shell&);

void AddTopic(Arguments app, const std::shared_ptr<TopicsOptions>& options,
              const Command& command, TopicCommand run) {
  app.Option("TOPIC", &options->topic, "Its name").Required();
  app.Run(
      [command, options, run] { *command.exit_code = run(*options, *command.shell); });
}

void AddChanges(Arguments topics, const std::shared_ptr<TopicsOptions>& o,
                const Command& command) {
  Arguments create =
      Add(topics, o.get(), "create",
          "Create a topic; an embedded one that is there is given these settings");
  AddTopic(create, o, command, Create);
  create.Option("--partitions", &o->partitions, "How many")
      .Between(int64_t{1}, int64_t{10'000})
      .ShowDefault();
  create.Option("--retention", &o->retention, "How long records are kept: 7d");
  create.Option("--retention-bytes", &o->retention_bytes,
                "How much of a partition is kept: 10GiB");
  create.Flag("--compact", &o->compact, "Keep the newest record of each key");
  Arguments remove = Add(topics, o.get(), "delete", "Delete a topic and its records");
  AddTopic(remove, o, command, [](const TopicsOptions& options, const Shell& shell) {
    return Change(options, {{"command", "topics-delete"}, {"topic", options.topic}},
                  "deleted " + options.topic, shell);
  });
  Arguments records =
      Add(topics, o.get(), "delete-records", "Delete the oldest records of a topic");
  AddTopic(records, o, command, DeleteRecords);
  records.Option("--before", &o->before,
                 "Those below this offset; without it, all there are now");
  records.Option("--partition", &o->partition, "Of this partition alone");
}

}  // namespace

void AddTopics(const Command& command) {
  auto options = std::make_shared<TopicsOptions>();
  Arguments topics = command.arguments.Command(
      "topics", "Show, read and write the topics of a project's broker");
  AddProject(topics, &options->project);
  AddOutput(topics, &options->output);
  AddTopic(Add(topics, options.get(), "describe", "Show a topic's partitions"), options,
           command, Describe);
  AddTopicsRead(command, topics);
  AddTopicsProduce(command, topics);
  AddChanges(topics, options, command);
  topics.Footer(
      R"(Without a subcommand, lists them. They answer while a process runs, too.

Examples:
  leat topics
  leat topics describe orders
  leat topics read orders --from latest --follow
  echo '{"id": 1}' | leat topics produce orders --key 1)");
  topics.Run([command, options, topics] {
    if (topics.HasCommand()) return;
    *command.exit_code = List(*options, *command.shell);
  });
}

}  // namespace leat
