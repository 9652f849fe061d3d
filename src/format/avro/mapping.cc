#include "format/avro/mapping.h"

#include <arrow/type.h>

#include <set>

#include "core/json.h"
#include "format/json/text.h"
#include "format/record_rows.h"

namespace leat::avro {
namespace {

using Json = nlohmann::ordered_json;
using Kind = AvroNode::Kind;

constexpr int kMostDigits = 38;
constexpr size_t kMostDecimalBytes = 1024;
constexpr int kMostScale = 2000;

Json TypeOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "boolean";
    case arrow::Type::INT32: return "int";
    case arrow::Type::INT64: return "long";
    case arrow::Type::FLOAT: return "float";
    case arrow::Type::DOUBLE: return "double";
    case arrow::Type::BINARY: return "bytes";
    case arrow::Type::DATE32: return {{"type", "int"}, {"logicalType", "date"}};
    case arrow::Type::TIMESTAMP: {
      const bool local =
          static_cast<const arrow::TimestampType&>(type).timezone().empty();
      return {{"type", "long"},
              {"logicalType", local ? "local-timestamp-micros" : "timestamp-micros"}};
    }
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return {{"type", "bytes"},
              {"logicalType", "decimal"},
              {"precision", decimal.precision()},
              {"scale", decimal.scale()}};
    }
    default: return "string";
  }
}

// [A-Za-z_][A-Za-z0-9_]*
std::string Name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (digit && out.empty()) out += '_';
    out += letter || digit ? c : '_';
  }
  return out.empty() ? "_" : out;
}

const AvroNode& At(const AvroSchema& schema, int node) {
  return schema.nodes[static_cast<size_t>(node)];
}

// What microseconds of a logical type are counted in: 1000 for milliseconds, -1000 for
// nanoseconds; 0: it is no time.
int64_t UnitOf(std::string_view logical) {
  const bool time = logical.starts_with("time-") || logical.starts_with("timestamp-") ||
                    logical.starts_with("local-timestamp-");
  if (!time) return 0;
  if (logical.ends_with("-millis")) return 1000;
  if (logical.ends_with("-micros")) return 1;
  return logical.ends_with("-nanos") ? -1000 : 0;
}

std::shared_ptr<arrow::DataType> NumberType(const AvroNode& node) {
  if (node.logical == "date") return arrow::date32();
  if (UnitOf(node.logical) != 0) {
    if (node.logical.starts_with("time-")) return arrow::int64();
    return node.logical.starts_with("local-")
               ? arrow::timestamp(arrow::TimeUnit::MICRO)
               : arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  }
  return node.kind == Kind::kInt ? arrow::int32() : arrow::int64();
}

std::shared_ptr<arrow::DataType> ArrowType(const AvroNode& node) {
  switch (node.kind) {
    case Kind::kBool: return arrow::boolean();
    case Kind::kInt:
    case Kind::kLong: return NumberType(node);
    case Kind::kFloat: return arrow::float32();
    case Kind::kDouble: return arrow::float64();
    case Kind::kBytes:
    case Kind::kFixed:
      if (node.logical != "decimal") return arrow::binary();
      if (node.precision < 1 || node.precision > kMostDigits || node.scale < 0 ||
          node.scale > node.precision) {
        return arrow::utf8();
      }
      return arrow::decimal128(node.precision, node.scale);
    default: return arrow::utf8();  // also what is nested, as its JSON
  }
}

void AppendJson(const AvroSchema& schema, const AvroValue& value, std::string* out) {
  const AvroNode& node = At(schema, value.node);
  switch (value.kind) {
    case Kind::kNull: *out += "null"; return;
    case Kind::kBool: *out += value.integer ? "true" : "false"; return;
    case Kind::kInt:
    case Kind::kLong: *out += std::to_string(value.integer); return;
    case Kind::kFloat:
    case Kind::kDouble: {
      char text[json::kDoubleMost];
      out->append(text, json::WriteDouble(value.real, text));
      return;
    }
    case Kind::kEnum:
      *out += json::Quoted(static_cast<uint64_t>(value.integer) < node.symbols.size()
                               ? node.symbols[static_cast<size_t>(value.integer)]
                               : "");
      return;
    case Kind::kString:
      if (IsUtf8(value.bytes)) {
        *out += json::Quoted(value.bytes);
        return;
      }
      [[fallthrough]];
    case Kind::kBytes:
    case Kind::kFixed: {
      std::string text(json::Base64Most(value.bytes.size()), '\0');
      json::WriteBase64(value.bytes, text.data());
      *out += '"' + text + '"';
      return;
    }
    default: break;
  }
  const bool list = value.kind == Kind::kArray;
  *out += list ? '[' : '{';
  const size_t step = value.kind == Kind::kMap ? 2 : 1;
  for (size_t i = 0; i + step <= value.items.size(); i += step) {
    if (i > 0) *out += ',';
    if (value.kind == Kind::kMap) {
      AppendJson(schema, value.items[i], out);
      *out += ':';
    } else if (!list) {
      *out += json::Quoted(node.children[i].name) + ":";
    }
    AppendJson(schema, value.items[i + step - 1], out);
  }
  *out += list ? ']' : '}';
}

bool ToNumber(const AvroNode& node, int64_t number, json::Value* out) {
  out->kind = json::Value::Kind::kInt;
  out->integer = number;
  const int64_t unit = UnitOf(node.logical);
  if (unit == 0) return true;
  out->kind = json::Value::Kind::kMicros;
  if (unit < 0) {
    out->integer = number / -unit - (number % -unit < 0 ? 1 : 0);
    return true;
  }
  return !__builtin_mul_overflow(number, unit, &out->integer);
}

}  // namespace

std::string RecordSchema(const TableSchema& schema, const std::vector<int>& columns,
                         std::string_view name) {
  Json fields = Json::array();
  std::set<std::string> taken;
  for (const int i : columns) {
    const Column& column = schema.columns[static_cast<size_t>(i)];
    std::string field_name = Name(column.name);
    while (!taken.insert(field_name).second) field_name += '_';
    Json field = {{"name", field_name}};
    if (column.nullable) {
      field["type"] = Json::array({"null", TypeOf(*column.type)});
      field["default"] = nullptr;
    } else {
      field["type"] = TypeOf(*column.type);
    }
    if (field_name != column.name) field["column"] = column.name;
    fields.push_back(std::move(field));
  }
  Json record = {{"type", "record"}, {"name", Name(name)}};
  if (!schema.id.database.empty()) record["namespace"] = Name(schema.id.database);
  record["fields"] = std::move(fields);
  return DumpJson(record);
}

Result<std::vector<Column>> ColumnsOf(const AvroSchema& schema) {
  const AvroNode& record = At(schema, schema.root);
  if (record.kind != Kind::kRecord) {
    return Status::Data("the value's schema is of no record");
  }
  std::vector<Column> out;
  for (const AvroNode::Child& child : record.children) {
    Column column;
    column.name = child.column.empty() ? child.name : child.column;
    const AvroNode& node = At(schema, child.node);
    column.nullable = node.kind == Kind::kNull;
    column.type = ArrowType(node);
    if (node.kind == Kind::kUnion) {
      const auto nulls =
          std::ranges::count_if(node.children, [&](const AvroNode::Child& branch) {
            return At(schema, branch.node).kind == Kind::kNull;
          });
      column.nullable = nulls > 0;
      const bool one = static_cast<int64_t>(node.children.size()) - nulls == 1;
      column.type =
          one ? ArrowType(At(schema, schema.Resolve(child.node))) : arrow::utf8();
    }
    out.push_back(std::move(column));
  }
  return out;
}

bool ToValue(const AvroSchema& schema, const AvroValue& value, json::Value* out,
             std::string* memory) {
  using To = json::Value::Kind;
  *out = {};
  const AvroNode& node = At(schema, value.node);
  switch (value.kind) {
    case Kind::kNull: return true;
    case Kind::kBool:
      out->kind = To::kBool;
      out->boolean = value.integer != 0;
      return true;
    case Kind::kInt:
    case Kind::kLong: return ToNumber(node, value.integer, out);
    case Kind::kFloat:
    case Kind::kDouble:
      out->kind = To::kReal;
      out->real = value.real;
      return true;
    case Kind::kBytes:
    case Kind::kFixed:
      out->kind = To::kBytes;
      out->text = value.bytes;
      if (node.logical != "decimal") return true;
      out->kind = To::kDecimal;
      out->integer = node.scale;
      return !value.bytes.empty() && value.bytes.size() <= kMostDecimalBytes &&
             std::abs(node.scale) <= kMostScale;
    case Kind::kString:
      out->kind = To::kString;
      out->text = value.bytes;
      return IsUtf8(value.bytes);
    case Kind::kEnum:
      if (static_cast<uint64_t>(value.integer) >= node.symbols.size()) return false;
      out->kind = To::kString;
      out->text = node.symbols[static_cast<size_t>(value.integer)];
      return true;
    default:
      memory->clear();
      AppendJson(schema, value, memory);
      out->kind = To::kNested;
      out->text = *memory;
      return true;
  }
}

}  // namespace leat::avro
