#include "cli/topic_requests.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/topic_rows.h"
#include "connectors/topic/access.h"
#include "connectors/topic/embedded/access.h"
#include "connectors/topic/embedded/partitioner.h"
#include "connectors/topic/options.h"
#include "core/json.h"
#include "format/json/parse.h"
#include "store/store.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;
using topic::TopicAccess;

// One request must not hold up the others for long, whatever its filter leaves out.
constexpr int64_t kMostScanned = 32 << 20;

void AddKnown(const char* name, const std::optional<int64_t>& value, Json* object) {
  if (value) (*object)[name] = *value;
}

Json FactsOf(const topic::TopicFacts& topic) {
  Json partitions = Json::array();
  for (size_t p = 0; p < topic.partitions.size(); p++) {
    const topic::PartitionFacts& facts = topic.partitions[p];
    Json partition = {
        {"partition", p}, {"start", facts.offsets.start}, {"end", facts.offsets.end}};
    AddKnown("bytes", facts.bytes, &partition);
    AddKnown("segments", facts.segments, &partition);
    AddKnown("newest", facts.newest, &partition);
    partitions.push_back(std::move(partition));
  }
  Json json = {{"name", topic.name}};
  AddKnown("created", topic.created, &json);
  if (topic.settings) {
    json["retention_ms"] = topic.settings->retention.count() / 1000;
    json["retention_bytes"] = topic.settings->retention_bytes;
    json["compact"] = topic.settings->compact;
  }
  json["partitions"] = std::move(partitions);
  return json;
}

Result<Json> ListTopics(TopicAccess& topics, const Json& request) {
  ASSIGN_OR_RETURN(const auto all, topics.Describe(request.value("topic", "")));
  Json json = Json::array();
  for (const topic::TopicFacts& topic : all) json.push_back(FactsOf(topic));
  return Json{{"topics", std::move(json)}};
}

Result<Json> CreateTopic(TopicAccess& topics, const Json& request) {
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
  RETURN_IF_ERROR(topics.Create(name, settings));
  return Json::object();
}

Status NoPartition(const std::string& topic, int32_t partition) {
  return Status::Config("topic " + topic + " has no partition " +
                        std::to_string(partition));
}

// The partitions a request names, one or all, with their offsets.
Result<TopicAccess::Ranges> Partitions(TopicAccess& topics, const Json& request) {
  const std::string name = request.at("topic");
  ASSIGN_OR_RETURN(const int count, topics.Partitions(name));
  const int32_t only = request.value("partition", -1);
  std::vector<TopicPartition> partitions;
  for (int32_t p = 0; p < count; p++) {
    if (only < 0 || p == only) partitions.push_back({name, p});
  }
  if (partitions.empty()) return NoPartition(name, only);
  return topics.GetRanges(partitions);
}

Result<Json> DeleteTopicRecords(TopicAccess& topics, const Json& request) {
  ASSIGN_OR_RETURN(const auto ranges, Partitions(topics, request));
  std::map<TopicPartition, int64_t> before;
  Json starts = Json::object();
  for (const auto& [partition, range] : ranges) {
    const int64_t offset =
        std::clamp(request.value("before", range.end), range.start, range.end);
    before[partition] = offset;
    starts[std::to_string(partition.partition)] = offset;
  }
  RETURN_IF_ERROR(topics.DeleteRecords(before));
  return Json{{"start", std::move(starts)}};
}

std::optional<std::string> Text(const Json& record, const char* field) {
  if (!record.contains(field) || record.at(field).is_null()) return std::nullopt;
  const Json& value = record.at(field);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The bytes of a record's key or value: text, or <field>_base64 as a printed record has
// what is no text.
Result<std::optional<std::string>> BytesIn(const Json& record, const std::string& field) {
  const auto encoded = Text(record, (field + "_base64").c_str());
  if (!encoded) return Text(record, field.c_str());
  auto bytes = json::ParseBase64(*encoded);
  if (bytes) return bytes;
  return Status::Config(field + "_base64 of a record is not base64");
}

// As an object, or as the list of names and values that a printed record has.
using HeaderText = std::pair<std::string, std::optional<std::string>>;
Result<std::vector<HeaderText>> HeaderTexts(const Json& record) {
  std::vector<HeaderText> texts;
  const Json given = record.value("headers", Json::object());
  for (const auto& [name, value] : given.items()) {
    if (given.is_object()) {
      texts.emplace_back(name, Text(given, name.c_str()));
      continue;
    }
    if (!value.is_object() || !value.contains("name")) {
      return Status::Config("a header of a record has no name: " + value.dump());
    }
    ASSIGN_OR_RETURN(auto bytes, BytesIn(value, "value"));
    texts.emplace_back(value.at("name").get<std::string>(), std::move(bytes));
  }
  return texts;
}

Result<Json> ProduceRecords(TopicAccess& topics, const Json& request) {
  const std::string name = request.at("topic");
  ASSIGN_OR_RETURN(const int count, topics.Partitions(name));
  std::map<int32_t, RecordsBuilder> builders;
  const int64_t now = NowMillis();
  // Those that are typed one by one are spread, too.
  int64_t turn = now;
  for (const Json& record : request.at("records")) {
    ASSIGN_OR_RETURN(const auto key, BytesIn(record, "key"));
    ASSIGN_OR_RETURN(const auto value, BytesIn(record, "value"));
    int32_t to = record.value("partition", -1);
    if (to < 0 && key) {
      to = static_cast<int32_t>((topic::embedded::Murmur2(*key) & 0x7fffffff) %
                                static_cast<uint32_t>(count));
    } else if (to < 0) {
      to = static_cast<int32_t>(turn++ % count);
    }
    if (to >= count) return NoPartition(name, to);
    ASSIGN_OR_RETURN(const auto texts, HeaderTexts(record));
    std::vector<Header> headers;
    for (const auto& [header, text] : texts) headers.push_back({header, text});
    builders.try_emplace(to, name).first->second.Add(
        key, value, record.value("timestamp", now), headers);
  }
  std::map<int32_t, Records> records;
  for (auto& [to, builder] : builders) records[to] = builder.Finish();
  RETURN_IF_ERROR(topics.Append(name, records));
  return Json::object();
}

// "earliest", "latest", an offset, or a time.
Result<int64_t> OffsetOf(TopicAccess& topics, const TopicPartition& partition,
                         const OffsetRange& range, const std::string& place) {
  if (!place.empty() && place.size() < 19 &&
      std::ranges::all_of(place, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::clamp<int64_t>(std::stoll(place), range.start, range.end);
  }
  const auto start = topic::ParseStart(place, NowMillis());
  if (!start) {
    return Status::Config("\"" + place +
                          "\" is no place in a topic; write earliest, latest, an offset, "
                          "a time such as 2024-05-01T12:00:00Z, or how long ago: 90m");
  }
  if (start->kind == topic::Start::Kind::kEarliest) return range.start;
  if (start->kind == topic::Start::Kind::kLatest) return range.end;
  return topics.OffsetAt(partition, start->time);
}

Result<Json> ReadTopic(TopicAccess& topics, const Json& request) {
  ASSIGN_OR_RETURN(const auto ranges, Partitions(topics, request));
  const Json from = request.value("from", Json::object());
  RowFilter filter{Text(request, "key"), request.value("contains", "")};
  const int64_t limit = std::clamp<int64_t>(request.value("limit", 100), 1, 10'000);
  Json next = Json::object();
  RowLines lines(filter, limit);
  int64_t scanned = 0;
  for (const auto& [partition, range] : ranges) {
    const std::string number = std::to_string(partition.partition);
    int64_t at = range.start;
    if (from.contains(number)) {
      at = std::max(from.at(number).get<int64_t>(), range.start);
    } else {
      ASSIGN_OR_RETURN(
          at, OffsetOf(topics, partition, range, request.value("start", "earliest")));
    }
    while (!lines.full() && scanned < kMostScanned && at < range.end) {
      ASSIGN_OR_RETURN(auto fetched, topics.Fetch(partition, at));
      if (!fetched) break;
      scanned += fetched->bytes;
      at = lines.Add(partition.partition, *fetched);
    }
    next[number] = at;
  }
  return Json{{"rows", ParseJson<Json>(lines.Take())},
              {"next", std::move(next)},
              {"more", lines.full() || scanned >= kMostScanned}};
}

Result<TopicAccess::Ranges> RangesOf(TopicAccess& topics,
                                     const std::vector<topic::GroupFacts>& groups) {
  std::vector<TopicPartition> partitions;
  for (const topic::GroupFacts& g : groups) partitions.push_back(g.partition);
  std::ranges::sort(partitions);
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return topics.GetRanges(partitions);
}

Result<Json> Groups(TopicAccess& topics, const Json& request) {
  const std::string only = request.value("group", "");
  ASSIGN_OR_RETURN(const auto all, topics.Groups(only));
  if (!only.empty() && all.empty()) {
    return Status::Config("there is no group \"" + only + "\"; leat offsets lists them");
  }
  ASSIGN_OR_RETURN(const auto ranges, RangesOf(topics, all));
  Json groups = Json::array();
  for (const topic::GroupFacts& g : all) {
    const auto range = ranges.find(g.partition);
    const int64_t end = range == ranges.end() ? g.offset : range->second.end;
    Json group = {{"group", g.group},
                  {"topic", g.partition.topic},
                  {"partition", g.partition.partition},
                  {"offset", g.offset},
                  {"end", end},
                  {"lag", std::max<int64_t>(end - g.offset, 0)}};
    AddKnown("time", g.time, &group);
    group["reader"] = g.reader;
    groups.push_back(std::move(group));
  }
  return Json{{"groups", std::move(groups)}};
}

Result<Json> ResetGroup(TopicAccess& topics, const Json& request) {
  const std::string group = request.at("group");
  const std::string topic = request.value("topic", "");
  const int32_t only = request.value("partition", -1);
  ASSIGN_OR_RETURN(auto known, topics.Groups(group));
  std::erase_if(known, [&](const topic::GroupFacts& g) {
    return (!topic.empty() && g.partition.topic != topic) ||
           (only >= 0 && g.partition.partition != only);
  });
  ASSIGN_OR_RETURN(const auto ranges, RangesOf(topics, known));
  if (ranges.empty()) {
    return Status::Config("group \"" + group + "\" has no offsets" +
                          (topic.empty() ? "" : " in topic " + topic) +
                          "; leat offsets lists those there are");
  }
  std::map<TopicPartition, int64_t> offsets;
  Json json = Json::array();
  for (const auto& [partition, range] : ranges) {
    ASSIGN_OR_RETURN(const int64_t offset, OffsetOf(topics, partition, range,
                                                    request.at("to").get<std::string>()));
    offsets[partition] = offset;
    json.push_back({{"topic", partition.topic},
                    {"partition", partition.partition},
                    {"offset", offset}});
  }
  RETURN_IF_ERROR(topics.SetOffsets(group, offsets));
  return Json{{"offsets", std::move(json)}};
}

Result<Json> Answer(TopicAccess& topics, const std::string& command,
                    const Json& request) {
  if (command == "topics") return ListTopics(topics, request);
  if (command == "topics-read") return ReadTopic(topics, request);
  if (command == "topics-produce") return ProduceRecords(topics, request);
  if (command == "topics-create") return CreateTopic(topics, request);
  if (command == "topics-delete-records") return DeleteTopicRecords(topics, request);
  if (command == "groups") return Groups(topics, request);
  if (command == "groups-reset") return ResetGroup(topics, request);
  if (command == "topics-delete") {
    RETURN_IF_ERROR(topics.Delete(request.at("topic")));
    return Json::object();
  }
  if (command == "groups-delete") {
    RETURN_IF_ERROR(topics.DeleteGroup(request.at("group")));
    return Json::object();
  }
  return Status::Config("unknown command " + command);
}

}  // namespace

Result<Json> AnswerTopics(TopicAccess& topics, const Json& request) {
  try {
    return Answer(topics, request.at("command"), request);
  } catch (const nlohmann::json::exception& e) {
    return Status::Config(std::string("not a request: ") + e.what());
  }
}

Result<std::string> AnswerEmbeddedTopics(Store& store, const std::string& command,
                                         std::string_view request) {
  Json json = TryParseJson<Json>(request);
  if (!json.is_object()) return Status::Config("not a request: " + command);
  topic::embedded::EmbeddedAccess topics(store.topics());
  ASSIGN_OR_RETURN(const Json answer, AnswerTopics(topics, json));
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace leat
