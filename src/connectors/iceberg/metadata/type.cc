#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "connectors/iceberg/metadata/schema.h"

namespace leat::iceberg {
namespace {

struct PrimitiveName {
  TypeId id;
  std::string_view name;
};
constexpr PrimitiveName kPrimitives[] = {
    {TypeId::kBoolean, "boolean"},
    {TypeId::kInt, "int"},
    {TypeId::kLong, "long"},
    {TypeId::kFloat, "float"},
    {TypeId::kDouble, "double"},
    {TypeId::kDate, "date"},
    {TypeId::kTime, "time"},
    {TypeId::kTimestamp, "timestamp"},
    {TypeId::kTimestampTz, "timestamptz"},
    {TypeId::kString, "string"},
    {TypeId::kUuid, "uuid"},
    {TypeId::kBinary, "binary"},
};

// The integers between brackets: "decimal(10, 2)" -> 10, 2.
std::vector<int> Arguments(std::string_view text) {
  std::vector<int> found;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    int value = 0;
    auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc()) {
      found.push_back(value);
      at = next;
    } else {
      at++;
    }
  }
  return found;
}

Type Simple(TypeId id) {
  Type type;
  type.id = id;
  return type;
}

Type Decimal(int precision, int scale) {
  Type type = Simple(TypeId::kDecimal);
  type.precision = precision;
  type.scale = scale;
  return type;
}

Result<Type> NestedTypeFor(const arrow::DataType& type, TypeId id,
                           std::vector<std::string> names, int* next_id) {
  Type made = Simple(id);
  // A child's id comes before those of what it contains.
  for (int i = 0; i < static_cast<int>(names.size()); i++) {
    made.fields.push_back({(*next_id)++, names[i], false, {}, {}});
  }
  const arrow::FieldVector& children =
      id == TypeId::kMap ? type.field(0)->type()->fields() : type.fields();
  for (size_t i = 0; i < names.size(); i++) {
    made.fields[i].required = !children[i]->nullable();
    ASSIGN_OR_RETURN(made.fields[i].type, TypeFor(*children[i]->type(), next_id));
  }
  return made;
}

// Types that need no more than their kind; nothing for others.
std::optional<TypeId> SimpleTypeFor(arrow::Type::type id) {
  switch (id) {
    case arrow::Type::BOOL: return TypeId::kBoolean;
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16: return TypeId::kInt;
    case arrow::Type::UINT32:
    case arrow::Type::INT64: return TypeId::kLong;
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT: return TypeId::kFloat;
    case arrow::Type::DOUBLE: return TypeId::kDouble;
    case arrow::Type::DATE32: return TypeId::kDate;
    case arrow::Type::TIME32: return TypeId::kTime;
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW: return TypeId::kString;
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW: return TypeId::kBinary;
    default: return std::nullopt;
  }
}

}  // namespace

bool operator==(const Type& a, const Type& b) {
  return a.id == b.id && a.precision == b.precision && a.scale == b.scale &&
         a.length == b.length && a.fields == b.fields;
}

bool operator==(const NestedField& a, const NestedField& b) {
  return a.id == b.id && a.name == b.name && a.required == b.required &&
         a.type == b.type && a.doc == b.doc;
}

std::string Type::ToString() const {
  for (const PrimitiveName& p : kPrimitives) {
    if (p.id == id) return std::string(p.name);
  }
  switch (id) {
    case TypeId::kDecimal: return fmt::format("decimal({}, {})", precision, scale);
    case TypeId::kFixed: return fmt::format("fixed[{}]", length);
    case TypeId::kList: return "list";
    case TypeId::kMap: return "map";
    default: return "struct";
  }
}

Result<Type> Type::Parse(std::string_view text) {
  for (const PrimitiveName& p : kPrimitives) {
    if (p.name == text) return Simple(p.id);
  }
  std::vector<int> numbers = Arguments(text);
  if (text.starts_with("decimal(") && numbers.size() == 2 && numbers[0] >= 1 &&
      numbers[0] <= 38 && numbers[1] >= 0 && numbers[1] <= numbers[0]) {
    return Decimal(numbers[0], numbers[1]);
  }
  if (text.starts_with("fixed[") && numbers.size() == 1) {
    Type type = Simple(TypeId::kFixed);
    type.length = numbers[0];
    return type;
  }
  return Status::Config(fmt::format("The Iceberg type '{}' is not known", text));
}

std::shared_ptr<arrow::DataType> ArrowTypeOf(const Type& type) {
  switch (type.id) {
    case TypeId::kBoolean: return arrow::boolean();
    case TypeId::kInt: return arrow::int32();
    case TypeId::kLong: return arrow::int64();
    case TypeId::kFloat: return arrow::float32();
    case TypeId::kDouble: return arrow::float64();
    case TypeId::kDecimal: return arrow::decimal128(type.precision, type.scale);
    case TypeId::kDate: return arrow::date32();
    case TypeId::kTime: return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeId::kTimestamp: return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeId::kTimestampTz: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeId::kString: return arrow::utf8();
    case TypeId::kUuid: return arrow::fixed_size_binary(16);
    case TypeId::kFixed: return arrow::fixed_size_binary(type.length);
    case TypeId::kBinary: return arrow::binary();
    default: break;
  }
  arrow::FieldVector children;
  for (const NestedField& f : type.fields) {
    children.push_back(arrow::field(
        f.name, ArrowTypeOf(f.type), !f.required,
        arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(f.id)})));
  }
  if (type.id == TypeId::kList) return arrow::list(children[0]);
  if (type.id == TypeId::kMap) {
    return std::make_shared<arrow::MapType>(children[0]->WithNullable(false),
                                            children[1]);
  }
  return arrow::struct_(std::move(children));
}

Result<Type> TypeFor(const arrow::DataType& type, int* next_id) {
  if (auto simple = SimpleTypeFor(type.id())) return Simple(*simple);
  switch (type.id()) {
    case arrow::Type::UINT64: return Decimal(20, 0);
    case arrow::Type::FIXED_SIZE_BINARY: {
      Type fixed = Simple(TypeId::kFixed);
      fixed.length = type.byte_width();
      return fixed;
    }
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      if (decimal.scale() >= 0 && decimal.scale() <= decimal.precision()) {
        return Decimal(decimal.precision(), decimal.scale());
      }
      break;
    }
    case arrow::Type::TIME64:
      if (static_cast<const arrow::TimeType&>(type).unit() == arrow::TimeUnit::NANO)
        break;
      return Simple(TypeId::kTime);
    case arrow::Type::TIMESTAMP: {
      const auto& time = static_cast<const arrow::TimestampType&>(type);
      if (time.unit() == arrow::TimeUnit::NANO) break;
      return Simple(time.timezone().empty() ? TypeId::kTimestamp : TypeId::kTimestampTz);
    }
    case arrow::Type::DICTIONARY:
      return TypeFor(*static_cast<const arrow::DictionaryType&>(type).value_type(),
                     next_id);
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
      return NestedTypeFor(type, TypeId::kList, {"element"}, next_id);
    case arrow::Type::MAP:
      return NestedTypeFor(type, TypeId::kMap, {"key", "value"}, next_id);
    case arrow::Type::STRUCT: {
      std::vector<std::string> names;
      for (const auto& child : type.fields()) names.push_back(child->name());
      return NestedTypeFor(type, TypeId::kStruct, std::move(names), next_id);
    }
    default: break;
  }
  return Status::Config(
      fmt::format("Iceberg format v2 has no type for {}; cast the column "
                  "to string or leave it out",
                  type.ToString()));
}

}  // namespace leat::iceberg
