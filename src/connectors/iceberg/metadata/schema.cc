#include "connectors/iceberg/metadata/schema.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "format/json_number.h"

namespace leat::iceberg {
namespace {

using Json = nlohmann::json;

// Deeper than any real schema; bounds the recursion over what others wrote.
constexpr int kMaxDepth = 64;

const NestedField* FindIdIn(const std::vector<NestedField>& fields, int id) {
  for (const NestedField& f : fields) {
    if (f.id == id) return &f;
    if (const NestedField* found = FindIdIn(f.type.fields, id)) return found;
  }
  return nullptr;
}

int MaxIdIn(const std::vector<NestedField>& fields) {
  int most = 0;
  for (const NestedField& f : fields) {
    most = std::max({most, f.id, MaxIdIn(f.type.fields)});
  }
  return most;
}

Json TypeToJson(const Type& type);

Json FieldToJson(const NestedField& field) {
  Json json = {{"id", field.id},
               {"name", field.name},
               {"required", field.required},
               {"type", TypeToJson(field.type)}};
  if (!field.doc.empty()) json["doc"] = field.doc;
  return json;
}

Json TypeToJson(const Type& type) {
  const std::vector<NestedField>& f = type.fields;
  switch (type.id) {
    case TypeId::kStruct: {
      Json fields = Json::array();
      for (const NestedField& child : f) fields.push_back(FieldToJson(child));
      return {{"type", "struct"}, {"fields", std::move(fields)}};
    }
    case TypeId::kList:
      return {{"type", "list"},
              {"element-id", f[0].id},
              {"element", TypeToJson(f[0].type)},
              {"element-required", f[0].required}};
    case TypeId::kMap:
      return {{"type", "map"},
              {"key-id", f[0].id},
              {"key", TypeToJson(f[0].type)},
              {"value-id", f[1].id},
              {"value", TypeToJson(f[1].type)},
              {"value-required", f[1].required}};
    default: return type.ToString();
  }
}

Result<Type> TypeFromJson(const Json& json, int depth);

// Throws what nlohmann throws on JSON of another shape; see Schema::FromJson.
Result<std::vector<NestedField>> FieldsFromJson(const Json& json, int depth) {
  std::vector<NestedField> fields;
  for (const Json& item : json) {
    NestedField field;
    field.id = JsonNumber<int>(item.at("id"));
    field.name = item.at("name").get<std::string>();
    field.required = item.at("required").get<bool>();
    field.doc = item.value("doc", "");
    ASSIGN_OR_RETURN(field.type, TypeFromJson(item.at("type"), depth + 1));
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<Type> TypeFromJson(const Json& json, int depth) {
  if (depth > kMaxDepth) return Status::Config("A schema nested too deeply");
  if (json.is_string()) return Type::Parse(json.get_ref<const std::string&>());
  Type type;
  const std::string kind = json.at("type").get<std::string>();
  if (kind == "struct") {
    type.id = TypeId::kStruct;
    ASSIGN_OR_RETURN(type.fields, FieldsFromJson(json.at("fields"), depth));
    return type;
  }
  auto child = [&](const char* name, bool required) -> Status {
    NestedField field;
    field.id = JsonNumber<int>(json.at(std::string(name) + "-id"));
    field.name = name;
    field.required = required;
    ASSIGN_OR_RETURN(field.type, TypeFromJson(json.at(name), depth + 1));
    type.fields.push_back(std::move(field));
    return Status::Ok();
  };
  if (kind == "list") {
    type.id = TypeId::kList;
    RETURN_IF_ERROR(child("element", json.at("element-required").get<bool>()));
    return type;
  }
  if (kind == "map") {
    type.id = TypeId::kMap;
    RETURN_IF_ERROR(child("key", true));
    RETURN_IF_ERROR(child("value", json.at("value-required").get<bool>()));
    return type;
  }
  return Status::Config("The Iceberg type '" + kind + "' is not known");
}

bool CanIdentify(const NestedField& field) {
  return field.required && field.type.primitive() && field.type.id != TypeId::kFloat &&
         field.type.id != TypeId::kDouble;
}

}  // namespace

const NestedField* Schema::Find(std::string_view name) const {
  int at = Position(name);
  return at < 0 ? nullptr : &fields[static_cast<size_t>(at)];
}

const NestedField* Schema::FindId(int field_id) const {
  return FindIdIn(fields, field_id);
}

int Schema::Position(std::string_view name) const {
  for (size_t i = 0; i < fields.size(); i++) {
    if (fields[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int Schema::MaxId() const { return MaxIdIn(fields); }

bool Schema::SameShape(const Schema& other) const {
  return fields == other.fields && identifier_ids == other.identifier_ids;
}

std::shared_ptr<arrow::Schema> Schema::ToArrow() const {
  Type all;
  all.id = TypeId::kStruct;
  all.fields = fields;
  return arrow::schema(ArrowTypeOf(all)->fields());
}

Json Schema::ToJson() const {
  Type all;
  all.id = TypeId::kStruct;
  all.fields = fields;
  Json json = TypeToJson(all);
  json["schema-id"] = id;
  json["identifier-field-ids"] = identifier_ids;
  return json;
}

Result<Schema> Schema::FromJson(const Json& json) {
  try {
    Schema schema;
    schema.id = JsonNumber<int>(json, "schema-id", 0);
    if (json.contains("identifier-field-ids")) {
      for (const Json& id : json["identifier-field-ids"]) {
        schema.identifier_ids.push_back(JsonNumber<int>(id));
      }
    }
    ASSIGN_OR_RETURN(schema.fields, FieldsFromJson(json.at("fields"), 0));
    return schema;
  } catch (const Json::exception& error) {
    return Status::Config(std::string("Not an Iceberg schema: ") + error.what());
  }
}

Result<Schema> MakeSchema(std::span<const Column> columns, std::span<const int> key) {
  Schema schema;
  // The columns have the first ids, what is nested in them the ones after.
  int next_id = static_cast<int>(columns.size()) + 1;
  for (const Column& column : columns) {
    NestedField field;
    field.id = static_cast<int>(schema.fields.size()) + 1;
    field.name = column.name;
    field.required = !column.nullable;
    auto type = TypeFor(*column.type, &next_id);
    if (!type.ok()) return type.status().Within("column '" + column.name + "'");
    field.type = *std::move(type);
    schema.fields.push_back(std::move(field));
  }
  for (int position : key) {
    const NestedField& field = schema.fields[static_cast<size_t>(position)];
    if (CanIdentify(field)) schema.identifier_ids.push_back(field.id);
  }
  if (schema.identifier_ids.size() != key.size()) schema.identifier_ids.clear();
  return schema;
}

}  // namespace leat::iceberg
