// What users say about a format in a pipeline file: `format: debezium`, and the fields of
// it. Declared here once for every connector that reads or writes records; a connector
// adds them to its own Spec and hands its Config to the readers below. Plain values.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/spec.h"
#include "data/schema.h"
#include "wire/schema_registry.h"

namespace leat {

// How Debezium's connectors are configured; the names in comments are theirs.
struct DebeziumOptions {
  enum class Decimal : uint8_t { kPrecise, kDouble, kString };
  enum class Time : uint8_t { kAdaptive, kConnect, kIsoString, kMicros, kNanos };
  enum class Binary : uint8_t { kBytes, kBase64, kBase64Url, kHex };

  std::string prefix;                   // topic.prefix; "": from the topic's name
  bool schemas = false;                 // the converter's schemas.enable
  Decimal decimal = Decimal::kPrecise;  // decimal.handling.mode
  bool precise_unsigned = false;        // bigint.unsigned.handling.mode=precise
  Time time = Time::kAdaptive;          // time.precision.mode
  Binary binary = Binary::kBytes;       // binary.handling.mode
  bool tombstones = true;               // tombstones.on.delete
  bool truncates = false;               // skipped.operations=none
  bool transactions = false;            // provide.transaction.metadata
  bool schema_changes = false;          // include.schema.changes
  Micros heartbeat{0};                  // heartbeat.interval.ms; 0: none
};

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';
  bool header = false;  // a line of names before each row
  std::string null;     // what a null is written as, without quotes
};

struct CloudEventsOptions {
  bool binary = false;  // attributes in headers, and the value the data alone
  std::string source = "/{database}/{table}";
  std::string type = "leat.row";  // before .created, .updated, .deleted, .read
};

struct FormatOptions {
  std::string name = "json";
  std::vector<Column> columns;   // declared; empty: inferred, or what the format says
  std::vector<std::string> key;  // columns of the key; empty: what the source says
  DebeziumOptions debezium;
  CsvOptions csv;
  CloudEventsOptions cloudevents;
  RegistryOptions registry;
};

// `format` and what belongs to it: of a source, of a sink.
std::vector<Field> DecoderFields();
std::vector<Field> EncoderFields();
// kConfig, with the place, for what the fields' own rules do not catch.
Result<FormatOptions> ReadDecoderOptions(const Config& config);
FormatOptions ReadEncoderOptions(const Config& config);

// "id bigint not null, total decimal(10,2)". Types: boolean, int, bigint, float, double,
// decimal(p,s), string, binary, date, time, timestamp, timestamptz, and their SQL
// synonyms.
Result<std::vector<Column>> ParseColumns(std::string_view text);

}  // namespace leat
