#include "connectors/iceberg/metadata/partition_spec.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "format/json_number.h"

namespace leat::iceberg {
namespace {

using Json = nlohmann::json;
using Kind = Transform::Kind;

constexpr int kFirstFieldId = 1000;

struct KindName {
  Kind kind;
  std::string_view name;    // in metadata, without its width
  std::string_view suffix;  // of the field's name
};
constexpr KindName kKinds[] = {
    {Kind::kIdentity, "identity", ""},       {Kind::kBucket, "bucket", "_bucket"},
    {Kind::kTruncate, "truncate", "_trunc"}, {Kind::kYear, "year", "_year"},
    {Kind::kMonth, "month", "_month"},       {Kind::kDay, "day", "_day"},
    {Kind::kHour, "hour", "_hour"},          {Kind::kVoid, "void", "_null"},
};

bool HasWidth(Kind kind) { return kind == Kind::kBucket || kind == Kind::kTruncate; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Status BadTerm(std::string_view term) {
  return Status::Config(fmt::format(
      "The partition term '{}' is not understood; write a column, or one of year(c), "
      "month(c), day(c), hour(c), bucket(16, c), truncate(4, c)",
      term));
}

// "bucket(16, id)" -> bucket[16], "id"
Status ParseTerm(std::string_view term, Transform* transform, std::string_view* column) {
  size_t open = term.find('(');
  if (open == std::string_view::npos) {
    *transform = Transform::Parse("identity");
    *column = Trim(term);
    return Status::Ok();
  }
  if (Trim(term).back() != ')') return BadTerm(term);
  std::string name(Trim(term.substr(0, open)));
  std::string_view inside = Trim(term.substr(open + 1));
  inside.remove_suffix(1);
  std::string_view width;
  if (size_t comma = inside.find(','); comma != std::string_view::npos) {
    width = Trim(inside.substr(0, comma));
    inside.remove_prefix(comma + 1);
  }
  if (name.size() > 4 && name.back() == 's') name.pop_back();  // Spark's days(c)
  *transform =
      Transform::Parse(width.empty() ? name : fmt::format("{}[{}]", name, width));
  *column = Trim(inside);
  if (transform->kind == Kind::kUnknown || column->empty()) return BadTerm(term);
  return Status::Ok();
}

}  // namespace

Transform Transform::Parse(std::string_view text) {
  Transform made;
  made.kind = Kind::kUnknown;
  made.text = text;
  size_t open = text.find('[');
  for (const KindName& k : kKinds) {
    if (text.substr(0, open) != k.name) continue;
    if (HasWidth(k.kind) != (open != std::string_view::npos)) continue;
    if (HasWidth(k.kind)) {
      std::string_view number = text.substr(open + 1);
      const char* last = number.data() + number.size() - 1;
      if (number.empty() || *last != ']') continue;
      auto [end, error] = std::from_chars(number.data(), last, made.width);
      if (error != std::errc() || made.width <= 0 || end != last) continue;
    }
    made.kind = k.kind;
  }
  return made;
}

std::string Transform::ToString() const {
  for (const KindName& k : kKinds) {
    if (k.kind != kind) continue;
    return HasWidth(kind) ? fmt::format("{}[{}]", k.name, width) : std::string(k.name);
  }
  return text;
}

Result<Type> Transform::ResultType(const Type& source) const {
  Type integer;
  integer.id = TypeId::kInt;
  const TypeId id = source.id;
  const bool stamp = id == TypeId::kTimestamp || id == TypeId::kTimestampTz;
  bool fits = false;
  switch (kind) {
    case Kind::kIdentity:
    case Kind::kVoid:
      if (source.primitive()) return source;
      break;
    case Kind::kTruncate:
      fits = id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kDecimal ||
             id == TypeId::kString || id == TypeId::kBinary;
      if (fits) return source;
      break;
    case Kind::kBucket:
      fits = source.primitive() && id != TypeId::kBoolean && id != TypeId::kFloat &&
             id != TypeId::kDouble;
      if (fits) return integer;
      break;
    case Kind::kDay:
      // A date in the metadata of every engine, though the spec calls it an int.
      integer.id = TypeId::kDate;
      [[fallthrough]];
    case Kind::kYear:
    case Kind::kMonth:
      if (stamp || id == TypeId::kDate) return integer;
      break;
    case Kind::kHour:
      if (stamp) return integer;
      break;
    case Kind::kUnknown: break;
  }
  return Status::Config(fmt::format("The partition transform {} does not apply to {}",
                                    ToString(), source.ToString()));
}

Result<std::vector<Type>> PartitionSpec::ResultTypes(const Schema& schema) const {
  std::vector<Type> types;
  for (const PartitionField& field : fields) {
    const NestedField* source = schema.FindId(field.source_id);
    if (!source && field.transform.kind == Kind::kVoid) {
      types.emplace_back();  // its column was dropped; its values are null
      continue;
    }
    if (!source) {
      return Status::Config(fmt::format(
          "The partition field '{}' is made of a column that is gone", field.name));
    }
    ASSIGN_OR_RETURN(Type type, field.transform.ResultType(source->type));
    types.push_back(std::move(type));
  }
  return types;
}

Json PartitionSpec::ToJson() const {
  Json list = Json::array();
  for (const PartitionField& f : fields) {
    list.push_back({{"source-id", f.source_id},
                    {"field-id", f.field_id},
                    {"name", f.name},
                    {"transform", f.transform.ToString()}});
  }
  return {{"spec-id", id}, {"fields", std::move(list)}};
}

Result<PartitionSpec> PartitionSpec::FromJson(const Json& json) {
  try {
    PartitionSpec spec;
    spec.id = JsonNumber<int>(json.at("spec-id"));
    int next_id = kFirstFieldId;
    for (const Json& item : json.at("fields")) {
      PartitionField field;
      field.source_id = JsonNumber<int>(item.at("source-id"));
      field.field_id = JsonNumber<int>(item, "field-id", next_id);
      next_id = field.field_id + 1;
      field.name = item.at("name").get<std::string>();
      field.transform = Transform::Parse(item.at("transform").get<std::string>());
      spec.fields.push_back(std::move(field));
    }
    return spec;
  } catch (const Json::exception& error) {
    return Status::Config(std::string("Not an Iceberg partition spec: ") + error.what());
  }
}

Result<PartitionSpec> PartitionSpec::Make(const std::vector<std::string>& terms,
                                          const Schema& schema) {
  PartitionSpec spec;
  for (const std::string& term : terms) {
    PartitionField field;
    std::string_view column;
    RETURN_IF_ERROR(ParseTerm(term, &field.transform, &column));
    const NestedField* source = schema.Find(column);
    if (!source) {
      return Status::Config(
          fmt::format("The table has no column '{}' to partition by", column));
    }
    auto type = field.transform.ResultType(source->type);
    if (!type.ok()) return type.status().Within(fmt::format("column '{}'", column));
    field.source_id = source->id;
    field.field_id = kFirstFieldId + static_cast<int>(spec.fields.size());
    field.name = source->name;
    for (const KindName& k : kKinds) {
      if (k.kind == field.transform.kind) field.name += k.suffix;
    }
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

}  // namespace leat::iceberg
