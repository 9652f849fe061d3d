#include "cli/topic_requests.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/topic_rows.h"
#include "connectors/topic/embedded/partitioner.h"
#include "connectors/topic/options.h"
#include "format/json/parse.h"
#include "store/store.h"
#include "store/topics/topic_log.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

// One request must not hold up the others for long, whatever its filter leaves out.
constexpr int64_t kMostScanned = 32 << 20;

int64_t NowMillis() { return Clock::System().WallMicros() / 1000; }

Json Describe(const TopicInfo& info) {
  Json partitions = Json::array();
  for (size_t p = 0; p < info.partitions.size(); p++) {
    const PartitionInfo& partition = info.partitions[p];
    partitions.push_back({{"partition", p},
                          {"start", partition.offsets.start},
                          {"end", partition.offsets.end},
                          {"bytes", partition.bytes},
                          {"segments", partition.segments},
                          {"newest", partition.newest}});
  }
  return {{"name", info.name},
          {"created", info.created},
          {"retention_ms", info.settings.retention.count() / 1000},
          {"retention_bytes", info.settings.retention_bytes},
          {"compact", info.settings.compact},
          {"partitions", std::move(partitions)}};
}

Result<Json> List(TopicLog& log, const Json& request) {
  std::vector<std::string> names = {request.value("topic", "")};
  if (names[0].empty()) names = log.Names();
  Json topics = Json::array();
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const TopicInfo info, log.Describe(name));
    topics.push_back(Describe(info));
  }
  return Json{{"topics", std::move(topics)}};
}

Result<Json> Create(TopicLog& log, const Json& request) {
  const std::string name = request.at("topic");
  if (!topic::IsTopicName(name)) {
    return Status::Config(
        "\"" + name +
        "\" cannot name a topic; use up to 249 letters, digits, . _ and "
        "-");
  }
  TopicSettings settings;
  settings.partitions = request.value("partitions", 1);
  settings.retention = Micros(request.value("retention_us", int64_t{0}));
  settings.retention_bytes = request.value("retention_bytes", int64_t{0});
  settings.compact = request.value("compact", false);
  RETURN_IF_ERROR(log.Create(name, settings));
  return Json::object();
}

// The partitions a request names: one, or all.
Result<std::vector<TopicPartition>> Partitions(const TopicLog& log, const Json& request) {
  const std::string name = request.at("topic");
  ASSIGN_OR_RETURN(const TopicSettings settings, log.Settings(name));
  const int32_t only = request.value("partition", -1);
  std::vector<TopicPartition> partitions;
  for (int32_t p = 0; p < settings.partitions; p++) {
    if (only < 0 || p == only) partitions.push_back({name, p});
  }
  if (!partitions.empty()) return partitions;
  return Status::Config("topic " + name + " has no partition " + std::to_string(only));
}

Result<Json> DeleteRecords(TopicLog& log, const Json& request) {
  ASSIGN_OR_RETURN(const auto partitions, Partitions(log, request));
  Json starts = Json::object();
  for (const TopicPartition& partition : partitions) {
    ASSIGN_OR_RETURN(const OffsetRange range, log.Range(partition));
    const int64_t before = request.value("before", range.end);
    RETURN_IF_ERROR(log.DeleteRecords(partition, before));
    ASSIGN_OR_RETURN(const OffsetRange now, log.Range(partition));
    starts[std::to_string(partition.partition)] = now.start;
  }
  return Json{{"start", std::move(starts)}};
}

std::optional<std::string> Text(const Json& record, const char* field) {
  if (!record.contains(field) || record.at(field).is_null()) return std::nullopt;
  const Json& value = record.at(field);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The bytes of a record's key or value: text, or <field>_base64 as a printed record has
// what is no text.
Result<std::optional<std::string>> Bytes(const Json& record, const std::string& field) {
  const auto encoded = Text(record, (field + "_base64").c_str());
  if (!encoded) return Text(record, field.c_str());
  auto bytes = json::ParseBase64(*encoded);
  if (bytes) return bytes;
  return Status::Config(field + "_base64 of a record is not base64");
}

Result<Json> Produce(TopicLog& log, const Json& request) {
  const std::string name = request.at("topic");
  ASSIGN_OR_RETURN(const TopicSettings settings, log.Settings(name));
  std::map<int32_t, RecordsBuilder> builders;
  const int64_t now = NowMillis();
  int32_t turn = 0;
  for (const Json& record : request.at("records")) {
    ASSIGN_OR_RETURN(const auto key, Bytes(record, "key"));
    ASSIGN_OR_RETURN(const auto value, Bytes(record, "value"));
    int32_t to = record.value("partition", -1);
    if (to < 0 && key) {
      to = static_cast<int32_t>((topic::embedded::Murmur2(*key) & 0x7fffffff) %
                                static_cast<uint32_t>(settings.partitions));
    } else if (to < 0) {
      to = turn++ % settings.partitions;
    }
    std::vector<std::pair<std::string, std::string>> texts;
    std::vector<Header> headers;
    const Json given = record.value("headers", Json::object());
    for (const auto& [header, text] : given.items()) {
      texts.emplace_back(header,
                         text.is_string() ? text.get<std::string>() : text.dump());
    }
    for (const auto& [header, text] : texts) headers.push_back({header, text});
    builders.try_emplace(to, name).first->second.Add(
        key, value, record.value("timestamp", now), headers);
  }
  Json offsets = Json::object();
  for (auto& [to, builder] : builders) {
    ASSIGN_OR_RETURN(const int64_t first, log.Append({name, to}, builder.Finish()));
    offsets[std::to_string(to)] = first;
  }
  return Json{{"offsets", std::move(offsets)}};
}

Result<Json> Read(TopicLog& log, const Json& request) {
  ASSIGN_OR_RETURN(const auto partitions, Partitions(log, request));
  const Json from = request.value("from", Json::object());
  RowFilter filter{Text(request, "key"), request.value("contains", "")};
  const int64_t limit = std::clamp<int64_t>(request.value("limit", 100), 1, 10'000);
  Json next = Json::object();
  RowLines lines(filter, limit);
  int64_t scanned = 0;
  for (const TopicPartition& partition : partitions) {
    const std::string number = std::to_string(partition.partition);
    ASSIGN_OR_RETURN(const OffsetRange range, log.Range(partition));
    int64_t at = range.start;
    if (from.contains(number)) {
      at = from.at(number);
    } else if (request.contains("start")) {
      const auto start =
          topic::ParseStart(request.at("start").get<std::string>(), NowMillis());
      if (!start) return Status::Config("no start: " + request.at("start").dump());
      if (start->kind == topic::Start::Kind::kLatest) at = range.end;
      if (start->kind == topic::Start::Kind::kTime) {
        ASSIGN_OR_RETURN(at, log.OffsetAt(partition, start->time));
      }
    }
    while (!lines.full() && scanned < kMostScanned) {
      ASSIGN_OR_RETURN(auto fetched, log.Fetch(partition, at));
      if (!fetched) break;
      scanned += fetched->bytes;
      at = lines.Add(partition.partition, *fetched);
    }
    next[number] = at;
  }
  return Json{{"rows", Json::parse(lines.Take())},
              {"next", std::move(next)},
              {"more", lines.full() || scanned >= kMostScanned}};
}

Result<Json> Groups(const TopicLog& log, const Json& request) {
  const std::string only = request.value("group", "");
  Json groups = Json::array();
  ASSIGN_OR_RETURN(const auto all, log.groups().All());
  for (const auto& [group, offsets] : all) {
    if (!only.empty() && group != only) continue;
    for (const auto& [partition, offset] : offsets) {
      auto range = log.Range(partition);
      const int64_t end = range.ok() ? range->end : offset.offset;
      groups.push_back({{"group", group},
                        {"topic", partition.topic},
                        {"partition", partition.partition},
                        {"offset", offset.offset},
                        {"end", end},
                        {"lag", std::max<int64_t>(end - offset.offset, 0)},
                        {"time", offset.time},
                        {"reader", log.groups().ReaderOf(group, partition.topic)}});
    }
  }
  if (!only.empty() && groups.empty()) {
    return Status::Config("there is no group \"" + only + "\"; leat offsets lists them");
  }
  return Json{{"groups", std::move(groups)}};
}

// "earliest", "latest", an offset, or a time.
Result<int64_t> OffsetOf(const TopicLog& log, const TopicPartition& partition,
                         const std::string& to) {
  ASSIGN_OR_RETURN(const OffsetRange range, log.Range(partition));
  if (!to.empty() && to.size() < 19 &&
      std::ranges::all_of(to, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::clamp<int64_t>(std::stoll(to), range.start, range.end);
  }
  const auto start = topic::ParseStart(to, NowMillis());
  if (!start) {
    return Status::Config("\"" + to +
                          "\" is no place in a topic; write earliest, latest, an offset, "
                          "a time such as 2024-05-01T12:00:00Z, or how long ago: 90m");
  }
  if (start->kind == topic::Start::Kind::kEarliest) return range.start;
  if (start->kind == topic::Start::Kind::kLatest) return range.end;
  return log.OffsetAt(partition, start->time);
}

Result<Json> Reset(TopicLog& log, const Json& request) {
  const std::string group = request.at("group");
  const std::string topic = request.value("topic", "");
  const int32_t only = request.value("partition", -1);
  ASSIGN_OR_RETURN(auto all, log.groups().All());
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, offset] : all[group]) {
    if ((topic.empty() || partition.topic == topic) &&
        (only < 0 || partition.partition == only)) {
      partitions.push_back(partition);
    }
  }
  if (partitions.empty()) {
    return Status::Config("group \"" + group + "\" has no offsets" +
                          (topic.empty() ? "" : " in topic " + topic) +
                          "; leat offsets lists those there are");
  }
  Json offsets = Json::array();
  for (const TopicPartition& partition : partitions) {
    ASSIGN_OR_RETURN(const int64_t offset,
                     OffsetOf(log, partition, request.at("to").get<std::string>()));
    RETURN_IF_ERROR(log.groups().Reset(group, partition, offset));
    offsets.push_back({{"topic", partition.topic},
                       {"partition", partition.partition},
                       {"offset", offset}});
  }
  log.Wake();
  return Json{{"offsets", std::move(offsets)}};
}

Result<Json> DeleteGroup(TopicLog& log, const Json& request) {
  const std::string group = request.at("group");
  ASSIGN_OR_RETURN(const bool there, log.groups().Delete(group));
  if (!there) return Status::Config("there is no group \"" + group + "\"");
  return Json::object();
}

Result<Json> Answer(TopicLog& log, const std::string& command, const Json& request) {
  if (command == "topics") return List(log, request);
  if (command == "topics-read") return Read(log, request);
  if (command == "topics-produce") return Produce(log, request);
  if (command == "topics-create") return Create(log, request);
  if (command == "topics-delete-records") return DeleteRecords(log, request);
  if (command == "topics-delete") {
    RETURN_IF_ERROR(log.Delete(request.at("topic")));
    return Json::object();
  }
  if (command == "groups") return Groups(log, request);
  if (command == "groups-reset") return Reset(log, request);
  if (command == "groups-delete") return DeleteGroup(log, request);
  return Status::Config("unknown command " + command);
}

}  // namespace

Result<std::string> AnswerTopics(Store& store, const std::string& command,
                                 std::string_view request) {
  try {
    ASSIGN_OR_RETURN(const Json answer,
                     Answer(store.topics(), command, Json::parse(request)));
    return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const nlohmann::json::exception& e) {
    return Status::Config(std::string("not a request: ") + e.what());
  }
}

}  // namespace leat
