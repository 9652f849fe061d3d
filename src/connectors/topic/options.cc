#include "connectors/topic/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "core/pipeline_file.h"
#include "core/units.h"

namespace leat::topic {
namespace {

constexpr size_t kLongestName = 249;

// Characters of a time: digits after `at`, exactly `count`.
bool Digits(std::string_view* text, size_t count, int* number) {
  if (text->size() < count) return false;
  auto [end, error] = std::from_chars(text->data(), text->data() + count, *number);
  if (error != std::errc() || end != text->data() + count) return false;
  text->remove_prefix(count);
  return true;
}

bool Skip(std::string_view* text, std::string_view one_of) {
  if (text->empty() || one_of.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

// The zone's offset in seconds at the end of a time: nothing or Z is UTC.
std::optional<int> Zone(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const int sign = text.front() == '-' ? -1 : 1;
  int hours = 0, minutes = 0;
  if (!Skip(&text, "+-") || !Digits(&text, 2, &hours)) return std::nullopt;
  Skip(&text, ":");
  if (!Digits(&text, 2, &minutes) || !text.empty()) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

std::optional<int64_t> ParseTime(std::string_view text) {
  std::tm t{};
  int year = 0, month = 0, millis = 0;
  if (!Digits(&text, 4, &year) || !Skip(&text, "-") || !Digits(&text, 2, &month) ||
      !Skip(&text, "-") || !Digits(&text, 2, &t.tm_mday)) {
    return std::nullopt;
  }
  if (Skip(&text, "T ")) {
    if (!Digits(&text, 2, &t.tm_hour) || !Skip(&text, ":") ||
        !Digits(&text, 2, &t.tm_min)) {
      return std::nullopt;
    }
    if (Skip(&text, ":") && !Digits(&text, 2, &t.tm_sec)) return std::nullopt;
    if (Skip(&text, ".") && !Digits(&text, 3, &millis)) return std::nullopt;
  }
  std::optional<int> zone = Zone(text);
  if (!zone || month < 1 || month > 12 || t.tm_mday < 1 || t.tm_mday > 31 ||
      t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60) {
    return std::nullopt;
  }
  t.tm_year = year - 1900;
  t.tm_mon = month - 1;
  return (int64_t{timegm(&t)} - *zone) * 1000 + millis;
}

void AddFields(std::vector<Field> more, std::vector<Field>* fields) {
  for (Field& field : more) fields->push_back(std::move(field));
}

void Complain(const Config& config, std::string_view field, std::string message,
              std::string suggestion, Diagnostics* diagnostics) {
  diagnostics->push_back({config.At(field), std::move(message), std::move(suggestion)});
}

void CheckNames(const Config& config, std::string_view field,
                const std::vector<std::string>& names, Diagnostics* diagnostics) {
  for (const std::string& name : names) {
    if (IsTopicName(name)) continue;
    Complain(config, field, fmt::format("\"{}\" cannot name a topic", name),
             "use up to 249 letters, digits, . _ and -", diagnostics);
  }
}

// `offsets` of a start; nothing when one is no number.
std::optional<std::map<int32_t, int64_t>> Offsets(const Config& config) {
  std::map<int32_t, int64_t> offsets;
  for (const auto& [partition, offset] : config.Map("offsets")) {
    auto p = ParseInt(partition);
    auto o = ParseInt(offset);
    if (!p || !o || *p < 0 || *p > INT32_MAX || *o < 0) return std::nullopt;
    offsets[static_cast<int32_t>(*p)] = *o;
  }
  return offsets;
}

// The names between braces in a topic's template.
bool IsTemplate(std::string text) {
  for (std::string_view name : {"{database}", "{schema}", "{table}"}) {
    for (size_t at; (at = text.find(name)) != std::string::npos;) {
      text.replace(at, name.size(), "x");
    }
  }
  return IsTopicName(text);
}

}  // namespace

bool IsTopicName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name != "." && name != ".." &&
         std::ranges::all_of(name, [](unsigned char c) {
           return c < 0x80 && (std::isalnum(c) || c == '.' || c == '_' || c == '-');
         });
}

std::optional<Start> ParseStart(std::string_view text, int64_t now_millis) {
  if (text == "earliest") return Start{Start::Kind::kEarliest, 0, {}};
  if (text == "latest") return Start{Start::Kind::kLatest, 0, {}};
  if (auto ago = ParseDuration(text)) {
    return Start{Start::Kind::kTime, now_millis - *ago / 1000, {}};
  }
  if (auto time = ParseTime(text)) return Start{Start::Kind::kTime, *time, {}};
  return std::nullopt;
}

std::optional<std::regex> TopicChoice::Pattern() const {
  if (pattern.empty()) return std::nullopt;
  return std::regex(pattern, std::regex::extended);
}

std::vector<Field> SourceFields() {
  std::vector<Field> fields = {
      Field::String("name", "The topic.").Example("orders"),
      Field::Strings("names", "Several topics.").Example("[orders, customers]"),
      Field::String("pattern",
                    "All topics whose whole name matches this regular expression, and "
                    "those that come up later.")
          .Example("shop\\..*"),
      Field::String("group",
                    "The consumer group whose offsets tell how far it has read; the "
                    "pipeline's name unless given.")
          .Example("sink-mysql-workers"),
      Field::Int("workers",
                 "How many readers, each with its own writer, share the "
                 "partitions.")
          .Between(1, 256)
          .Default("1"),
      Field::String("assignment",
                    "group: partitions are dealt among all members of the group; "
                    "static: worker i of N takes every N-th partition, always the same.")
          .OneOf({"group", "static"})
          .Default("group"),
      Field::String("start",
                    "Where a group without offsets starts: earliest, latest, a time "
                    "(2024-05-01T12:00:00Z) or how long ago (90m).")
          .Default("earliest"),
      Field::Map("offsets", "Where it starts, by partition, instead of `start`.")
          .Example("{0: 1200, 1: 1180}"),
      Field::String("instance",
                    "On Kafka: a name of its own in the group for this process, so that "
                    "a restart keeps its partitions.")
          .Example("reader-1")};
  AddFields(DecoderFields(), &fields);
  return fields;
}

std::vector<Field> SinkFields() {
  std::vector<Field> fields = {
      Field::String("name",
                    "The topic of a table's rows, with {database}, {schema} and {table}.")
          .Required()
          .Example("\"shop.{database}.{table}\""),
      Field::String("delivery",
                    "On Kafka: exactly_once commits each epoch in a transaction; "
                    "at_least_once does without, for lower latency.")
          .OneOf({"exactly_once", "at_least_once"})
          .Default("exactly_once"),
      Field::String("compression", "On Kafka: how batches of records are compressed.")
          .OneOf({"none", "gzip", "snappy", "lz4", "zstd"})
          .Default("lz4")};
  AddFields(EncoderFields(), &fields);
  // Of topics that leat.yaml does not declare.
  AddFields(TopicFields(), &fields);
  return fields;
}

void ValidateSource(const Config& config, Diagnostics* diagnostics) {
  int given = 0;
  for (std::string_view field : {"name", "names", "pattern"}) given += config.Has(field);
  if (given != 1) {
    diagnostics->push_back({config.place(),
                            given == 0 ? "source topic names no topic"
                                       : "source topic names its topics twice",
                            "write one of name: orders, names: [orders, customers] or "
                            "pattern: orders-.*"});
  }
  if (config.Has("name")) {
    CheckNames(config, "name", {config.String("name")}, diagnostics);
  }
  CheckNames(config, "names", config.Strings("names"), diagnostics);
  try {
    std::regex checked(config.String("pattern"), std::regex::extended);
  } catch (const std::regex_error& e) {
    Complain(config, "pattern",
             fmt::format("\"{}\" is no regular expression: {}", config.String("pattern"),
                         e.what()),
             "write one such as orders-.*", diagnostics);
  }
  if (!ParseStart(config.String("start"), 0)) {
    Complain(config, "start",
             fmt::format("\"start\" cannot be \"{}\"", config.String("start")),
             "write earliest, latest, a time such as 2024-05-01T12:00:00Z, or how long "
             "ago, such as 90m",
             diagnostics);
  }
  if (!Offsets(config)) {
    Complain(config, "offsets", "\"offsets\" has to map partitions to offsets",
             "write offsets: {0: 1200, 1: 1180}", diagnostics);
  }
}

void ValidateSink(const Config& config, Diagnostics* diagnostics) {
  if (!IsTemplate(config.String("name"))) {
    Complain(config, "name",
             fmt::format("\"{}\" cannot name a topic", config.String("name")),
             "use up to 249 letters, digits, . _ and -, and {database}, {schema}, "
             "{table}",
             diagnostics);
  }
}

Result<SourceOptions> ReadSource(const Config& config) {
  SourceOptions options;
  options.topics.names = config.Strings("names");
  if (config.Has("name")) options.topics.names = {config.String("name")};
  options.topics.pattern = config.String("pattern");
  options.group = config.String("group");
  ASSIGN_OR_RETURN(options.format, ReadDecoderOptions(config));
  const int64_t now = Clock::System().WallMicros() / 1000;
  options.start = ParseStart(config.String("start"), now).value_or(Start{});
  options.start.offsets = Offsets(config).value_or(std::map<int32_t, int64_t>());
  options.static_assignment = config.String("assignment") == "static";
  options.instance = config.String("instance");
  return options;
}

SinkOptions ReadSink(const Config& config) {
  SinkOptions options;
  options.topic = config.String("name");
  options.format = ReadEncoderOptions(config);
  options.settings = TopicSettingsOf(config);
  options.transactional = config.String("delivery") == "exactly_once";
  options.compression = config.String("compression");
  return options;
}

}  // namespace leat::topic
