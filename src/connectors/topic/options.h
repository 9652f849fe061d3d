// What a pipeline file says of a topic to read or to write, checked; the same for the
// embedded broker and for Kafka. Values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/project_settings.h"
#include "core/spec.h"
#include "format/options.h"

namespace leat::topic {

// Which topics a source reads: by name, or all that match a pattern, now or later.
struct TopicChoice {
  std::vector<std::string> names;
  std::string pattern;  // a regular expression for the whole name; empty: `names`

  std::optional<std::regex> Pattern() const;  // compiled; nothing when empty
};

// Where a group starts in a partition that it has no offset of.
struct Start {
  enum class Kind : uint8_t { kEarliest, kLatest, kTime };
  Kind kind = Kind::kEarliest;
  int64_t time = 0;  // kTime: milliseconds since 1970 UTC
  // By partition, instead of the above.
  std::map<int32_t, int64_t> offsets;
};

struct SourceOptions {
  TopicChoice topics;
  std::string group;  // empty: the pipeline's name
  FormatOptions format;
  Start start;
  // Worker i of N takes the partitions p with p mod N = i, whoever else is in the group.
  bool static_assignment = false;
  std::string instance;  // Kafka's group.instance.id; empty: none
};

struct SinkOptions {
  std::string topic;  // with {database}, {schema} and {table}
  FormatOptions format;
  TopicSettings settings;     // of topics that it creates
  bool transactional = true;  // delivery: exactly_once
  std::string compression;    // Kafka's: none, gzip, snappy, lz4, zstd
};

std::vector<Field> SourceFields();
std::vector<Field> SinkFields();
void ValidateSource(const Config& config, Diagnostics* diagnostics);
void ValidateSink(const Config& config, Diagnostics* diagnostics);

// Of a mapping that was validated.
Result<SourceOptions> ReadSource(const Config& config);
SinkOptions ReadSink(const Config& config);

// "earliest", "latest", or a time: 2024-05-01T12:00:00Z, 2024-05-01 12:00:00 (UTC), or
// how long ago: 90m. Nothing when it is none of them.
std::optional<Start> ParseStart(std::string_view text, int64_t now_millis);

// Letters, digits, '.', '_' and '-', up to 249 of them: what Kafka allows.
bool IsTopicName(std::string_view name);

}  // namespace leat::topic
