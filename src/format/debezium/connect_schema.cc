#include "format/debezium/connect_schema.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <charconv>

#include "core/json.h"

namespace leat::debezium {
namespace {

using ConnectJson = nlohmann::json;
using ReadingKind = Reading::Kind;

constexpr int kMostDigits = 38;

struct Mapped {
  std::shared_ptr<arrow::DataType> type;
  Reading reading;
  std::string source_type;
};

std::shared_ptr<arrow::DataType> Datetime() {
  return arrow::timestamp(arrow::TimeUnit::MICRO);
}

// Parameters are text, whatever they mean.
int64_t Parameter(const ConnectJson& schema, const std::string& name, int64_t fallback) {
  const auto parameters = schema.find("parameters");
  if (parameters == schema.end() || !parameters->contains(name)) return fallback;
  const std::string text = parameters->at(name).get<std::string>();
  std::from_chars(text.data(), text.data() + text.size(), fallback);
  return fallback;
}

Mapped MapDecimal(const ConnectJson& schema) {
  const int64_t scale = Parameter(schema, "scale", 0);
  const int64_t precision = Parameter(schema, "connect.decimal.precision", kMostDigits);
  Mapped out{arrow::utf8(), {ReadingKind::kDecimal, scale}, ""};
  if (scale < 0 || precision < 1 || scale > precision) return out;
  out.source_type = fmt::format("decimal({},{})", precision, scale);
  if (precision <= kMostDigits) {
    out.type =
        arrow::decimal128(static_cast<int32_t>(precision), static_cast<int32_t>(scale));
  }
  return out;
}

// By its name; without a type where the name says nothing.
Mapped MapNamed(const std::string& name, const ConnectJson& schema) {
  const auto is = [&](std::string_view of) { return name == of; };
  const auto ends = [&](std::string_view prefix, std::string_view rest) {
    return name.starts_with(prefix) && name.substr(prefix.size()) == rest;
  };
  const auto time = [&](std::string_view rest) {
    return ends("io.debezium.time.", rest);
  };
  const auto data = [&](std::string_view rest) {
    return ends("io.debezium.data.", rest);
  };
  const auto connect = [&](std::string_view rest) {
    return ends("org.apache.kafka.connect.data.", rest);
  };
  if (connect("Decimal")) return MapDecimal(schema);
  if (time("Date") || connect("Date")) return {arrow::date32(), {}, "date"};
  if (time("IsoDate")) return {arrow::date32(), {ReadingKind::kZoned}, "date"};
  if (time("Timestamp") || connect("Timestamp")) {
    return {Datetime(), {ReadingKind::kMillis}, "datetime(3)"};
  }
  if (time("MicroTimestamp")) return {Datetime(), {ReadingKind::kMicros}, "datetime(6)"};
  if (time("NanoTimestamp")) return {Datetime(), {ReadingKind::kNanos}, "datetime(6)"};
  if (time("IsoTimestamp")) return {Datetime(), {}, "datetime(6)"};
  if (time("ZonedTimestamp")) {
    return {arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), {}, "timestamp(6)"};
  }
  if (time("Time") || connect("Time")) {
    return {arrow::int64(), {ReadingKind::kMillis}, "time(3)"};
  }
  if (time("MicroTime")) return {arrow::int64(), {ReadingKind::kMicros}, "time(6)"};
  if (time("NanoTime")) return {arrow::int64(), {ReadingKind::kNanos}, "time(6)"};
  if (time("IsoTime")) return {arrow::int64(), {ReadingKind::kZoned}, "time(6)"};
  if (time("Year")) return {arrow::int32(), {}, "year"};
  if (data("Json")) return {arrow::utf8(), {}, "json"};
  if (data("Bits")) {
    const int64_t bits = Parameter(schema, "length", 0);
    return {arrow::binary(), {ReadingKind::kBits, bits}, fmt::format("bit({})", bits)};
  }
  if (data("VariableScaleDecimal")) return {arrow::utf8(), {ReadingKind::kScaled}, ""};
  if (data("FloatVector")) return {arrow::binary(), {ReadingKind::kFloats}, ""};
  if (is("io.debezium.data.geometry.Point")) {
    return {arrow::binary(), {ReadingKind::kWkb}, "point"};
  }
  if (name.starts_with("io.debezium.data.geometry.")) {
    return {arrow::binary(), {ReadingKind::kWkb}, "geometry"};
  }
  return {};
}

Mapped Map(const ConnectJson& schema) {
  Mapped out = MapNamed(schema.value("name", ""), schema);
  if (out.type) return out;
  const std::string type = schema.at("type").get<std::string>();
  if (type == "boolean") return {arrow::boolean(), {}, ""};
  if (type == "int8" || type == "int16") return {arrow::int32(), {}, "smallint"};
  if (type == "int32") return {arrow::int32(), {}, "int"};
  if (type == "int64") return {arrow::int64(), {}, "bigint"};
  if (type == "float" || type == "float32") return {arrow::float32(), {}, ""};
  if (type == "double" || type == "float64") return {arrow::float64(), {}, ""};
  if (type == "bytes") return {arrow::binary(), {}, ""};
  // Arrays, maps and structs stay JSON.
  return {arrow::utf8(), {}, ""};
}

std::vector<ConnectField> Fields(const ConnectJson& table) {
  std::vector<ConnectField> out;
  for (const ConnectJson& schema : table.at("fields")) {
    Mapped mapped = Map(schema);
    out.push_back({{schema.at("field").get<std::string>(), std::move(mapped.type),
                    schema.value("optional", true), std::move(mapped.source_type)},
                   mapped.reading});
  }
  return out;
}

int DigitsOf(const Column& column) {
  const size_t open = column.source_type.find('(');
  return open == column.source_type.npos ? 0 : column.source_type[open + 1] - '0';
}

}  // namespace

Result<std::vector<ConnectField>> ParseEnvelopeSchema(std::string_view json) {
  try {
    const ConnectJson envelope = ParseJson<ConnectJson>(json);
    const ConnectJson* found = nullptr;
    for (const ConnectJson& field : envelope.at("fields")) {
      const std::string name = field.value("field", "");
      if (name == "after" || (name == "before" && !found)) found = &field;
    }
    if (!found) return Status::Data("the schema has no field `after`");
    return Fields(*found);
  } catch (const ConnectJson::exception& error) {
    return Status::Data(std::string("the schema is none of Kafka Connect's: ") +
                        error.what());
  }
}

Reading ReadingOf(const Column& column, const DebeziumOptions& options) {
  using Time = DebeziumOptions::Time;
  const Reading unit = options.time == Time::kConnect     ? Reading{ReadingKind::kMillis}
                       : options.time == Time::kNanos     ? Reading{ReadingKind::kNanos}
                       : options.time == Time::kIsoString ? Reading{ReadingKind::kZoned}
                                                          : Reading{ReadingKind::kMicros};
  switch (column.type->id()) {
    case arrow::Type::DECIMAL128:
      if (options.decimal != DebeziumOptions::Decimal::kPrecise) return {};
      return {ReadingKind::kDecimal,
              static_cast<const arrow::Decimal128Type&>(*column.type).scale()};
    case arrow::Type::TIMESTAMP:
      if (options.time == Time::kAdaptive && DigitsOf(column) <= 3) {
        return {ReadingKind::kMillis};
      }
      return options.time == Time::kIsoString ? Reading{} : unit;
    case arrow::Type::DATE32: return {ReadingKind::kZoned};
    case arrow::Type::BINARY:
      return options.binary == DebeziumOptions::Binary::kHex ? Reading{ReadingKind::kHex}
                                                             : Reading{};
    case arrow::Type::INT64:
      // Of a bigint, whose numbers have no unit, and of a time.
      return column.source_type.starts_with("time(") ? unit : Reading{};
    default: return {};
  }
}

}  // namespace leat::debezium
