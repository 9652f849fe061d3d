#include "format/debezium/columns.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <string_view>

#include "base/text.h"
#include "format/debezium/source_type.h"
#include "format/json/text.h"

namespace leat::debezium {
namespace {

using json::Form;

// A Connect schema before it is put together.
struct Shape {
  std::string type;        // "int32"
  std::string name;        // io.debezium.time.Date; "": none
  std::string parameters;  // "scale":"2"
  Form form = Form::kInt;
  int64_t arg = 1;
  std::string suffix;
  std::string fields;  // of a struct, or an array's items: what follows "type"
  std::string doc;
  Form snapshot_form = Form::kNull;  // kNull: as `form`
};

Shape Plain(std::string type, Form form) {
  Shape shape;
  shape.type = std::move(type);
  shape.form = form;
  return shape;
}

Shape Named(std::string type, std::string name, Form form, int64_t arg = 1) {
  Shape shape = Plain(std::move(type), form);
  shape.name = std::move(name);
  shape.arg = arg;
  return shape;
}

Shape DecimalShape(int precision, int scale, bool text, DebeziumOptions::Decimal mode) {
  switch (mode) {
    case DebeziumOptions::Decimal::kDouble: return Plain("double", Form::kDecimalDouble);
    case DebeziumOptions::Decimal::kString:
      return Plain("string", text ? Form::kString : Form::kDecimalString);
    case DebeziumOptions::Decimal::kPrecise: break;
  }
  Shape shape =
      Named("bytes", "org.apache.kafka.connect.data.Decimal", Form::kDecimalBytes);
  shape.parameters =
      fmt::format(R"("scale":"{}","connect.decimal.precision":"{}")", scale, precision);
  return shape;
}

Shape BinaryShape(DebeziumOptions::Binary mode) {
  switch (mode) {
    case DebeziumOptions::Binary::kBytes: return Plain("bytes", Form::kBase64);
    case DebeziumOptions::Binary::kBase64: return Plain("string", Form::kBase64);
    case DebeziumOptions::Binary::kBase64Url: return Plain("string", Form::kBase64Url);
    case DebeziumOptions::Binary::kHex: return Plain("string", Form::kHex);
  }
  return {};
}

Shape DateShape(DebeziumOptions::Time mode) {
  if (mode == DebeziumOptions::Time::kIsoString) {
    Shape shape = Named("string", "io.debezium.time.IsoDate", Form::kDate);
    shape.suffix = "Z";
    return shape;
  }
  if (mode == DebeziumOptions::Time::kConnect) {
    return Named("int32", "org.apache.kafka.connect.data.Date", Form::kInt);
  }
  return Named("int32", "io.debezium.time.Date", Form::kInt);
}

Shape DatetimeShape(int digits, DebeziumOptions::Time mode) {
  switch (mode) {
    case DebeziumOptions::Time::kConnect:
      return Named("int64", "org.apache.kafka.connect.data.Timestamp", Form::kDivided,
                   1000);
    case DebeziumOptions::Time::kIsoString:
      return Named("string", "io.debezium.time.IsoTimestamp", Form::kTimestampZ);
    case DebeziumOptions::Time::kNanos:
      return Named("int64", "io.debezium.time.NanoTimestamp", Form::kTimes, 1000);
    case DebeziumOptions::Time::kAdaptive:
      if (digits > 3) break;
      return Named("int64", "io.debezium.time.Timestamp", Form::kDivided, 1000);
    case DebeziumOptions::Time::kMicros: break;
  }
  return Named("int64", "io.debezium.time.MicroTimestamp", Form::kInt);
}

Shape TimeShape(DebeziumOptions::Time mode) {
  switch (mode) {
    case DebeziumOptions::Time::kConnect:
      return Named("int32", "org.apache.kafka.connect.data.Time", Form::kMillisOfDay);
    case DebeziumOptions::Time::kIsoString: {
      Shape shape = Named("string", "io.debezium.time.IsoTime", Form::kTimeOfDay);
      shape.suffix = "Z";
      return shape;
    }
    case DebeziumOptions::Time::kNanos:
      return Named("int64", "io.debezium.time.NanoTime", Form::kTimes, 1000);
    default: return Named("int64", "io.debezium.time.MicroTime", Form::kInt);
  }
}

Shape TimestampShape(int digits) {
  Shape shape =
      Named("string", "io.debezium.time.ZonedTimestamp", Form::kTimestampFixed, digits);
  shape.snapshot_form = Form::kTimestampZ;
  return shape;
}

Shape GeometryShape(bool point) {
  constexpr std::string_view kWkb = R"({"type":"bytes","optional":)";
  constexpr std::string_view kSrid =
      R"(,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}])";
  Shape shape = Named(
      "struct",
      point ? "io.debezium.data.geometry.Point" : "io.debezium.data.geometry.Geometry",
      point ? Form::kPoint : Form::kGeometry);
  shape.fields = R"(,"fields":[)";
  if (point) {
    shape.fields += R"({"type":"double","optional":false,"field":"x"},)"
                    R"({"type":"double","optional":false,"field":"y"},)";
  }
  shape.fields += fmt::format("{}{}{}", kWkb, point ? "true" : "false", kSrid);
  shape.doc = point ? "Geometry (POINT)" : "Geometry";
  return shape;
}

Shape IntegerShape(const SourceType& type, const DebeziumOptions& options) {
  if (type.name == "tinyint" || (type.name == "smallint" && !type.is_unsigned)) {
    return Plain("int16", Form::kInt);
  }
  if (type.name == "int" && type.is_unsigned) return Plain("int64", Form::kInt);
  if (type.name != "bigint") return Plain("int32", Form::kInt);
  if (!type.is_unsigned) return Plain("int64", Form::kInt);
  if (!options.precise_unsigned) return Plain("int64", Form::kDecimalLong);
  return DecimalShape(20, 0, false, DebeziumOptions::Decimal::kPrecise);
}

// Of a column that no database has described.
Shape ArrowShape(const arrow::DataType& type, const DebeziumOptions& options) {
  switch (type.id()) {
    case arrow::Type::BOOL: return Plain("boolean", Form::kBool);
    case arrow::Type::INT32: return Plain("int32", Form::kInt);
    case arrow::Type::INT64: return Plain("int64", Form::kInt);
    case arrow::Type::FLOAT: return Plain("float", Form::kFloat);
    case arrow::Type::DOUBLE: return Plain("double", Form::kDouble);
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return DecimalShape(decimal.precision(), decimal.scale(), false, options.decimal);
    }
    case arrow::Type::DATE32: return DateShape(options.time);
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty()
                 ? DatetimeShape(6, options.time)
                 : TimestampShape(6);
    case arrow::Type::BINARY: return BinaryShape(options.binary);
    default: return Plain("string", Form::kString);
  }
}

Shape ShapeOf(const Column& column, const DebeziumOptions& options) {
  const SourceType type = ParseSourceType(column.source_type);
  const arrow::Type::type arrow = column.type->id();
  const std::string_view name = type.name;
  if (name.ends_with("int") && name != "point") return IntegerShape(type, options);
  if (name == "decimal") {
    return DecimalShape(type.first, type.second, arrow == arrow::Type::STRING,
                        options.decimal);
  }
  if (name == "year") return Named("int32", "io.debezium.time.Year", Form::kInt);
  if (name == "datetime") return DatetimeShape(type.first, options.time);
  if (name == "timestamp") return TimestampShape(type.first);
  if (name == "time") return TimeShape(options.time);
  if (name == "bit" && type.first > 1) {
    Shape shape = Named("bytes", "io.debezium.data.Bits", Form::kBase64Reversed);
    shape.parameters = fmt::format(R"("length":"{}")", type.first);
    return shape;
  }
  if (name == "enum" || name == "set") {
    Shape shape = Named(
        "string", name == "enum" ? "io.debezium.data.Enum" : "io.debezium.data.EnumSet",
        Form::kString);
    shape.parameters =
        "\"allowed\":" + json::Quoted(Joined(LabelsOf(column.source_type), ","));
    return shape;
  }
  if (name == "json") {
    Shape shape = Named("string", "io.debezium.data.Json", Form::kCompact);
    shape.snapshot_form = Form::kString;
    return shape;
  }
  if (name == "vector") {
    Shape shape = Named("array", "io.debezium.data.FloatVector", Form::kFloats);
    shape.fields = R"(,"items":{"type":"float","optional":false})";
    return shape;
  }
  const bool wkb =
      arrow == arrow::Type::BINARY &&
      (name == "point" || name.starts_with("geom") || name.ends_with("string") ||
       name.ends_with("polygon") || name == "multipoint");
  if (wkb) return GeometryShape(name == "point");
  return ArrowShape(*column.type, options);
}

}  // namespace

ConnectColumn MapColumn(const Column& column, int position, bool optional,
                        const DebeziumOptions& options) {
  const Shape shape = ShapeOf(column, options);
  ConnectColumn out;
  out.schema =
      fmt::format(R"({{"type":"{}"{},"optional":{})", shape.type, shape.fields, optional);
  if (!shape.name.empty()) {
    out.schema += fmt::format(R"(,"name":"{}","version":1)", shape.name);
  }
  if (!shape.doc.empty()) out.schema += ",\"doc\":" + json::Quoted(shape.doc);
  if (!shape.parameters.empty()) {
    out.schema += ",\"parameters\":{" + shape.parameters + "}";
  }
  out.field.name = column.name;
  out.field.column = position;
  out.field.form = shape.form;
  out.field.arg = shape.arg;
  out.field.suffix = shape.suffix;
  out.snapshot_field = out.field;
  if (shape.snapshot_form != Form::kNull) {
    out.snapshot_field.form = shape.snapshot_form;
  }
  out.geometry = shape.form == Form::kPoint || shape.form == Form::kGeometry;
  return out;
}

}  // namespace leat::debezium
