// leat topics read and produce: records of topics to and from a terminal.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/project_call.h"
#include "cli/signals.h"
#include "core/json.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kPage = 1000;
constexpr auto kFollowTopicEvery = std::chrono::milliseconds(500);
constexpr size_t kProduceTogether = 1000;

struct ReadOptions {
  ProjectOptions project;
  std::string output = "text";
  std::string topic;
  std::string from = "earliest";
  int partition = -1;
  std::string key;
  std::string contains;
  int64_t limit = -1;
  bool follow = false;
};

struct ProduceOptions {
  ProjectOptions project;
  std::string output = "text";
  std::string topic;
  std::string key;
  std::vector<std::string> headers;
  int partition = -1;
  bool json = false;
};

std::string RowAsText(const Json& row) {
  std::string text =
      fmt::format("{}@{}  {}  ", row.at("partition").dump(), row.at("offset").dump(),
                  TimeText(row.at("timestamp").get<int64_t>()));
  auto value = [&](const char* field) {
    const Json& v = row.at(field);
    return v.is_string() ? v.get<std::string>() : v.dump();
  };
  if (row.contains("value")) {
    return text + fmt::format("{}  {}\n", value("key"), value("value"));
  }
  return text + fmt::format("{} {}  {}\n", value("table"), value("op"), value("row"));
}

int Read(const ReadOptions& options, const Shell& shell) {
  CancelToken stop;
  SignalWatch signals([&stop] { stop.Cancel(); }, [] {});
  Json request = {{"command", "topics-read"},
                  {"topic", options.topic},
                  {"start", options.from},
                  {"contains", options.contains}};
  if (options.partition >= 0) request["partition"] = options.partition;
  if (!options.key.empty()) request["key"] = options.key;
  int64_t left = options.limit < 0 ? INT64_MAX : options.limit;
  if (left == INT64_MAX && !options.follow) left = kPage;
  auto topics = TopicCalls::Open(options.project, shell);
  if (!topics.ok()) return shell.Fail(topics.status());
  while (left > 0 && !stop.cancelled()) {
    request["limit"] = std::min(left, kPage);
    auto answer = topics->Ask(request);
    if (!answer.ok()) return shell.Fail(answer.status());
    std::string out;
    for (const Json& row : answer->at("rows")) {
      out += options.output == "json" ? row.dump() + "\n" : RowAsText(row);
    }
    shell.Out(out);
    left -= static_cast<int64_t>(answer->at("rows").size());
    request["from"] = answer->at("next");
    if (answer->at("more").get<bool>()) continue;
    if (!options.follow) break;
    if (stop.WaitFor(kFollowTopicEvery)) break;
  }
  return kExitDone;
}

// A line of stdin as a record: the value, or with --json an object with its parts.
Result<Json> RecordOf(const std::string& line, const ProduceOptions& options) {
  Json record = {{"value", line}};
  if (options.json) {
    record = TryParseJson<Json>(line);
    if (!record.is_object() ||
        (!record.contains("value") && !record.contains("value_base64"))) {
      return Status::Config("not a record: " + line +
                            "; with --json each line is {\"key\": ..., \"value\": ...}");
    }
  }
  if (!options.key.empty() && !record.contains("key")) record["key"] = options.key;
  if (options.partition >= 0) record["partition"] = options.partition;
  for (const std::string& header : options.headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos) {
      return Status::Config("\"" + header + "\" is no header; write name:value");
    }
    record["headers"][header.substr(0, colon)] = header.substr(colon + 1);
  }
  return record;
}

int Produce(const ProduceOptions& options, const Shell& shell) {
  auto topics = TopicCalls::Open(options.project, shell);
  if (!topics.ok()) return shell.Fail(topics.status());
  int64_t produced = 0;
  Json records = Json::array();
  auto send = [&]() -> Status {
    if (records.empty()) return Status::Ok();
    produced += static_cast<int64_t>(records.size());
    const Json request = {{"command", "topics-produce"},
                          {"topic", options.topic},
                          {"records", std::exchange(records, Json::array())}};
    return topics->Ask(request).status();
  };
  // Or it would never know that there is more to read.
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    auto record = RecordOf(line, options);
    if (!record.ok()) return shell.Fail(record.status());
    records.push_back(*std::move(record));
    // What is typed goes at once; what is piped goes in batches.
    if (records.size() < kProduceTogether && std::cin.rdbuf()->in_avail() > 0) continue;
    if (Status sent = send(); !sent.ok()) return shell.Fail(sent);
  }
  if (Status sent = send(); !sent.ok()) return shell.Fail(sent);
  shell.Out(options.output == "json" ? Json{{"produced", produced}}.dump() + "\n"
                                     : fmt::format("produced {}\n", produced));
  return kExitDone;
}

}  // namespace

void AddTopicsRead(const Command& command, Arguments topics) {
  auto options = std::make_shared<ReadOptions>();
  Arguments app = topics.Command("read", "Read the records of a topic");
  app.Option("TOPIC", &options->topic, "Its name").Required();
  app.Option("--from", &options->from,
             "earliest, latest, an offset, a time (2024-05-01T12:00:00Z) or how long ago "
             "(90m)")
      .ShowDefault();
  app.Option("--partition", &options->partition, "Of this partition alone");
  app.Option("--key", &options->key, "Those with this key alone");
  app.Option("--contains", &options->contains, "Those with this text alone");
  app.Option("--limit", &options->limit,
             "At most this many; without --follow, 1000 unless given")
      .Between(int64_t{1}, int64_t{1} << 60);
  app.Flag("--follow,-f", &options->follow, "Go on as records come in");
  AddProject(app, &options->project);
  AddOutput(app, &options->output);
  app.Footer(R"(A record is a line, with --output json an object.

Examples:
  leat topics read orders --limit 10
  leat topics read orders --from 10m --contains '"status":"new"' --output json
  leat topics read orders --from latest --follow)");
  app.Run([command, options] { *command.exit_code = Read(*options, *command.shell); });
}

void AddTopicsProduce(const Command& command, Arguments topics) {
  auto options = std::make_shared<ProduceOptions>();
  Arguments app = topics.Command("produce", "Append the lines of stdin to a topic");
  app.Option("TOPIC", &options->topic, "Its name").Required();
  app.Option("--key", &options->key, "The key of each record");
  app.Option("--header", &options->headers, "name:value, of each record");
  app.Option("--partition", &options->partition,
             "The partition; by the key unless given");
  app.Flag("--json", &options->json,
           "Each line is {\"key\": ..., \"value\": ..., \"headers\": {...}}; bytes "
           "that are no text as value_base64");
  AddProject(app, &options->project);
  AddOutput(app, &options->output);
  app.Footer(
      R"(Returns when the records are on the disk; on Kafka, when the brokers have stored them.

Examples:
  echo '{"id": 1, "amount": 9.5}' | leat topics produce raw_orders --key 1
  leat topics produce raw_orders --json < records.jsonl)");
  app.Run([command, options] { *command.exit_code = Produce(*options, *command.shell); });
}

}  // namespace leat
