#include "format/options.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace leat {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view Trim(std::string_view text) {
  const char* blank = " \t\r\n";
  const size_t first = text.find_first_not_of(blank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// At the commas outside parentheses.
std::vector<std::string_view> SplitColumns(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); i++) {
    const char c = i < text.size() ? text[i] : ',';
    depth += (c == '(') - (c == ')');
    if (c != ',' || (depth > 0 && i < text.size())) continue;
    if (const auto part = Trim(text.substr(start, i - start)); !part.empty()) {
      parts.push_back(part);
    }
    start = i + 1;
  }
  return parts;
}

struct NamedType {
  std::string_view name;
  std::shared_ptr<arrow::DataType> (*make)();
};

const NamedType kTypes[] = {
    {"boolean", [] { return arrow::boolean(); }},
    {"bool", [] { return arrow::boolean(); }},
    {"tinyint", [] { return arrow::int32(); }},
    {"smallint", [] { return arrow::int32(); }},
    {"int", [] { return arrow::int32(); }},
    {"integer", [] { return arrow::int32(); }},
    {"bigint", [] { return arrow::int64(); }},
    {"long", [] { return arrow::int64(); }},
    {"float", [] { return arrow::float32(); }},
    {"real", [] { return arrow::float32(); }},
    {"double", [] { return arrow::float64(); }},
    {"string", [] { return arrow::utf8(); }},
    {"varchar", [] { return arrow::utf8(); }},
    {"char", [] { return arrow::utf8(); }},
    {"text", [] { return arrow::utf8(); }},
    {"json", [] { return arrow::utf8(); }},
    {"binary", [] { return arrow::binary(); }},
    {"varbinary", [] { return arrow::binary(); }},
    {"bytes", [] { return arrow::binary(); }},
    {"date", [] { return arrow::date32(); }},
    {"time", [] { return arrow::int64(); }},
    {"datetime", [] { return arrow::timestamp(arrow::TimeUnit::MICRO); }},
    {"timestamp", [] { return arrow::timestamp(arrow::TimeUnit::MICRO); }},
    {"timestamptz", [] { return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"); }},
};

// (p,s); 10,0 as SQL has it where there are none.
Result<std::shared_ptr<arrow::DataType>> DecimalType(std::string_view column,
                                                     std::string_view sizes) {
  int precision = 10;
  int scale = 0;
  if (!sizes.empty()) {
    const char* end = sizes.data() + sizes.size();
    auto read = std::from_chars(sizes.data() + 1, end, precision);
    if (read.ptr != end && *read.ptr == ',') {
      read = std::from_chars(read.ptr + 1, end, scale);
    }
    if (read.ec != std::errc() || read.ptr + 1 != end) precision = 0;
  }
  if (precision < 1 || precision > 38 || scale < 0 || scale > precision) {
    return Status::Config(fmt::format(
        "columns: `{}`: decimal(precision,scale) has a precision of 1 to 38 and a scale "
        "up to that",
        column));
  }
  return arrow::decimal128(precision, scale);
}

// What the digits of a time's fraction are is in no Arrow type; "" where nobody said.
std::string SourceTypeText(std::string_view name, std::string_view digits) {
  if (name == "time") return fmt::format("time{}", digits.empty() ? "(6)" : digits);
  if (digits.empty()) return {};
  if (name == "timestamp" || name == "datetime") return fmt::format("datetime{}", digits);
  return name == "timestamptz" ? fmt::format("timestamp{}", digits) : "";
}

Result<Column> ParseColumn(std::string_view text) {
  const size_t blank = text.find_first_of(" \t\n");
  if (blank == text.npos) {
    return Status::Config(
        fmt::format("columns: `{}` has no type; write it as `{} string`", text, text));
  }
  Column column;
  column.name = text.substr(0, blank);
  std::string type = Lower(Trim(text.substr(blank)));
  for (const std::string_view rule : {"not null", "null"}) {
    if (!type.ends_with(rule)) continue;
    column.nullable = rule == "null";
    type = Trim(std::string_view(type).substr(0, type.size() - rule.size()));
    break;
  }
  std::erase(type, ' ');
  const size_t open = std::min(type.find('('), type.size());
  const std::string_view name = std::string_view(type).substr(0, open);
  column.source_type = SourceTypeText(name, std::string_view(type).substr(open));
  if (name == "decimal" || name == "numeric") {
    ASSIGN_OR_RETURN(column.type,
                     DecimalType(column.name, std::string_view(type).substr(open)));
    return column;
  }
  for (const NamedType& known : kTypes) {
    if (known.name == name) column.type = known.make();
  }
  if (!column.type) {
    return Status::Config(fmt::format(
        "columns: `{}`: there is no type {}; one of boolean, int, bigint, float, double, "
        "decimal(p,s), string, binary, date, time, timestamp, timestamptz",
        column.name, type));
  }
  return column;
}

Field FormatField() {
  return Field::String("format", "What the records look like.")
      .OneOf({"json", "debezium", "avro", "csv", "cloudevents", "raw"})
      .Default("json");
}

// How values are written: to write them so, and to read columns that are declared.
std::vector<Field> ValueModes() {
  return {Field::String("decimal", "How DECIMAL is written (decimal.handling.mode).")
              .OneOf({"precise", "double", "string"})
              .Default("precise"),
          Field::String("time", "How times are written (time.precision.mode).")
              .OneOf({"adaptive_time_microseconds", "connect", "isostring",
                      "microseconds", "nanoseconds"})
              .Default("adaptive_time_microseconds"),
          Field::String("binary", "How bytes are written (binary.handling.mode).")
              .OneOf({"bytes", "base64", "base64-url-safe", "hex"})
              .Default("bytes")};
}

Field DebeziumField() {
  std::vector<Field> fields = {
      Field::String("prefix",
                    "Debezium's topic.prefix: the logical name of the source, in schema "
                    "names and `source.name`; by default what stands before the first "
                    "placeholder of the topic's name."),
      Field::Bool("schemas", "Write the schema into each message (schemas.enable).")
          .Default("false"),
      Field::String("unsigned_bigint",
                    "How BIGINT UNSIGNED is written (bigint.unsigned.handling.mode).")
          .OneOf({"long", "precise"})
          .Default("long"),
      Field::Bool("tombstones",
                  "Follow a delete by a record with its key and no value "
                  "(tombstones.on.delete).")
          .Default("true"),
      Field::Bool("truncates", "Write TRUNCATE as a message (skipped.operations=none).")
          .Default("false"),
      Field::Bool("transactions",
                  "Write transaction metadata, and the topic PREFIX.transaction "
                  "(provide.transaction.metadata).")
          .Default("false"),
      Field::Bool("schema_changes",
                  "Write statements that define tables, and the shapes that tables have, "
                  "to the topic PREFIX (include.schema.changes).")
          .Default("false"),
      Field::Duration("heartbeat",
                      "Write a record to __debezium-heartbeat.PREFIX that often, "
                      "whether or not rows come; 0s: never (heartbeat.interval.ms).")
          .Default("0s")};
  for (Field& field : ValueModes()) fields.push_back(std::move(field));
  return Field::Object("debezium", "How `format: debezium` writes.", std::move(fields));
}

Field CsvField() {
  return Field::Object(
      "csv", "What the lines of `format: csv` look like.",
      {Field::String("delimiter", "What stands between two fields.")
           .OneOf({",", ";", "|", "tab", " "})
           .Default(","),
       Field::String("quote", "What stands around fields that need it.")
           .OneOf({"\"", "'"})
           .Default("\""),
       Field::Bool("header",
                   "Each row has a line with the names of its fields before it.")
           .Default("false"),
       Field::String("null", "What a null is written as; in quotes it is text.")
           .Default("")});
}

Field CloudEventsField() {
  return Field::Object(
      "cloudevents", "How `format: cloudevents` writes.",
      {Field::String("mode",
                     "structured: an event is one JSON object; binary: its attributes "
                     "are headers, the value is the data.")
           .OneOf({"structured", "binary"})
           .Default("structured"),
       Field::String("source",
                     "The attribute `source`, with {database}, {schema}, {table}.")
           .Default("/{database}/{table}"),
       Field::String("type",
                     "The attribute `type`, before .created, .updated, .deleted, .read.")
           .Default("leat.row")});
}

Field RegistryField() {
  return Field::Object(
      "registry", "The schema registry of `format: avro`.",
      {Field::String("url", "Its address.").Example("url: http://127.0.0.1:8081"),
       Field::String("user", "Who asks, where it wants to know."),
       Field::String("password", "The user's password.").Secret(),
       Field::String("ca", "A file of certificates to trust instead of the system's.")});
}

RegistryOptions ReadRegistry(const Config& config) {
  return {config.String("url"), config.String("user"), config.String("password"),
          config.String("ca")};
}

CsvOptions ReadCsv(const Config& config) {
  CsvOptions out;
  const std::string& delimiter = config.String("delimiter");
  out.delimiter = delimiter == "tab" ? '\t' : delimiter[0];
  out.quote = config.String("quote")[0];
  out.header = config.Bool("header");
  out.null = config.String("null");
  return out;
}

template <typename Enum>
Enum Choice(const Config& config, const char* field,
            std::initializer_list<std::string_view> names) {
  const std::string& given = config.String(field);
  int at = 0;
  for (const std::string_view name : names) {
    if (name == given) break;
    at++;
  }
  return static_cast<Enum>(at);
}

DebeziumOptions ReadValueModes(const Config& config) {
  DebeziumOptions out;
  out.decimal = Choice<DebeziumOptions::Decimal>(config, "decimal",
                                                 {"precise", "double", "string"});
  out.time = Choice<DebeziumOptions::Time>(config, "time",
                                           {"adaptive_time_microseconds", "connect",
                                            "isostring", "microseconds", "nanoseconds"});
  out.binary = Choice<DebeziumOptions::Binary>(
      config, "binary", {"bytes", "base64", "base64-url-safe", "hex"});
  return out;
}

DebeziumOptions ReadDebezium(const Config& config) {
  DebeziumOptions out = ReadValueModes(config);
  out.prefix = config.String("prefix");
  out.schemas = config.Bool("schemas");
  out.precise_unsigned = config.String("unsigned_bigint") == "precise";
  out.tombstones = config.Bool("tombstones");
  out.truncates = config.Bool("truncates");
  out.transactions = config.Bool("transactions");
  out.schema_changes = config.Bool("schema_changes");
  out.heartbeat = config.Duration("heartbeat");
  return out;
}

}  // namespace

std::vector<Field> DecoderFields() {
  return {FormatField(),
          Field::Strings("columns",
                         "The columns with their types, as in SQL; without them they are "
                         "inferred from the records.")
              .Example("columns: id bigint not null, total decimal(10,2), note string"),
          Field::Strings("key",
                         "The columns that identify a row; without them what the "
                         "format says.")
              .Example("key: [id]"),
          CsvField(),
          RegistryField(),
          Field::Object("debezium",
                        "How `format: debezium` was written, where its messages have no "
                        "schema and `columns` are declared.",
                        ValueModes())};
}

std::vector<Field> EncoderFields() {
  return {FormatField(),
          Field::Strings("key",
                         "The columns of the record's key; without them the table's key.")
              .Example("key: [customer_id]"),
          DebeziumField(),
          CsvField(),
          CloudEventsField(),
          RegistryField()};
}

Result<FormatOptions> ReadDecoderOptions(const Config& config) {
  FormatOptions out;
  out.name = config.String("format");
  out.key = config.Strings("key");
  out.debezium = ReadValueModes(config.Object("debezium"));
  out.csv = ReadCsv(config.Object("csv"));
  out.registry = ReadRegistry(config.Object("registry"));
  std::string text;
  for (const std::string& part : config.Strings("columns")) text += part + ",";
  auto columns = ParseColumns(text);
  if (!columns.ok()) {
    return ToStatus({{config.At("columns"), columns.status().message(), ""}});
  }
  out.columns = *std::move(columns);
  if (out.name == "csv" && out.columns.empty() && !out.csv.header) {
    return ToStatus({{config.At("format"),
                      "the fields of CSV have no names: declare the `columns`, or say "
                      "`csv: {header: true}`",
                      ""}});
  }
  for (const std::string& key : out.key) {
    auto found = std::find_if(out.columns.begin(), out.columns.end(),
                              [&](const Column& c) { return c.name == key; });
    if (found != out.columns.end()) {
      found->nullable = false;
    } else if (!out.columns.empty()) {
      return ToStatus(
          {{config.At("key"), fmt::format("key `{}` is not among `columns`", key), ""}});
    }
  }
  return out;
}

FormatOptions ReadEncoderOptions(const Config& config) {
  FormatOptions out;
  out.name = config.String("format");
  out.key = config.Strings("key");
  out.debezium = ReadDebezium(config.Object("debezium"));
  out.csv = ReadCsv(config.Object("csv"));
  out.registry = ReadRegistry(config.Object("registry"));
  const Config& events = config.Object("cloudevents");
  out.cloudevents.binary = events.String("mode") == "binary";
  out.cloudevents.source = events.String("source");
  out.cloudevents.type = events.String("type");
  return out;
}

Result<std::vector<Column>> ParseColumns(std::string_view text) {
  std::vector<Column> columns;
  for (const std::string_view part : SplitColumns(text)) {
    ASSIGN_OR_RETURN(Column column, ParseColumn(part));
    for (const Column& other : columns) {
      if (other.name == column.name) {
        return Status::Config(
            fmt::format("columns: `{}` is declared twice", column.name));
      }
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace leat
