#include "core/json_schema.h"

#include "core/json.h"
#include "core/units.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kVariable = R"(\$\{)";
constexpr const char* kDuration = R"(^[0-9]+(\.[0-9]+)? ?(us|ms|s|m|h|d)$|\$\{)";
constexpr const char* kBytesPattern =
    R"(^[0-9]+(\.[0-9]+)? ?([kKmMgGtT]?[iI]?[bB])?$|\$\{)";

Json OfFields(const std::vector<Field>& fields);

Json OrVariable(Json schema) {
  return {{"anyOf", Json::array({std::move(schema),
                                 {{"type", "string"}, {"pattern", kVariable}}})}};
}

Json OfInt(const Field& field) {
  Json schema = {{"type", "integer"}};
  if (field.min != INT64_MIN) schema["minimum"] = field.min;
  if (field.max != INT64_MAX) schema["maximum"] = field.max;
  return OrVariable(std::move(schema));
}

// A part is named by the one key it has, or by its bare name when its defaults do.
Json OfPart(const Field& field) {
  Json mapping = OfFields(field.fields);
  mapping["minProperties"] = 1;
  mapping["maxProperties"] = 1;
  Json names = Json::array();
  for (const Field& part : field.fields) names.push_back(part.name);
  if (names.empty()) return mapping;
  return {{"anyOf", Json::array({std::move(mapping), {{"enum", std::move(names)}}})}};
}

Json OfObject(const Field& field) {
  if (field.shorthand.empty()) return OfFields(field.fields);
  return {{"anyOf", Json::array({OfFields(field.fields), {{"type", "string"}}})}};
}

Json OfType(const Field& field) {
  // YAML makes numbers and booleans of texts such as 5 and true; they are texts all the
  // same.
  const Json text = {{"type", Json::array({"string", "number", "boolean"})}};
  switch (field.type) {
    case FieldType::kString:
      return field.choices.empty() ? text : OrVariable({{"enum", field.choices}});
    case FieldType::kInt: return OfInt(field);
    case FieldType::kBool: return OrVariable({{"type", "boolean"}});
    case FieldType::kDuration: return {{"type", "string"}, {"pattern", kDuration}};
    case FieldType::kBytes:
      return {{"anyOf", Json::array({{{"type", "integer"}, {"minimum", 0}},
                                     {{"type", "string"}, {"pattern", kBytesPattern}}})}};
    case FieldType::kStrings:
      return {{"anyOf",
               Json::array(
                   {text, {{"type", "array"}, {"items", text}}, {{"type", "null"}}})}};
    case FieldType::kMap:
      return {{"type", Json::array({"object", "null"})}, {"additionalProperties", text}};
    case FieldType::kObjects:
      return {{"type", Json::array({"object", "null"})},
              {"additionalProperties", OfFields(field.fields)}};
    case FieldType::kObject: return OfObject(field);
    case FieldType::kPart: return OfPart(field);
    case FieldType::kParts:
      return {{"type", Json::array({"array", "null"})}, {"items", OfPart(field)}};
  }
  return {};
}

Json DefaultOf(const Field& field) {
  const std::string& text = *field.fallback;
  if (field.type == FieldType::kInt) return *ParseInt(text);
  if (field.type == FieldType::kBool) return *ParseBool(text);
  return text;
}

Json OfField(const Field& field) {
  Json schema = OfType(field);
  schema["description"] = field.doc;
  bool list = field.type == FieldType::kStrings || field.type == FieldType::kMap;
  if (field.fallback && !list) schema["default"] = DefaultOf(field);
  return schema;
}

Json OfFields(const std::vector<Field>& fields) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Field& field : fields) {
    properties[field.name] = OfField(field);
    if (field.required) required.push_back(field.name);
  }
  // A mapping without a required field may be left empty.
  Json schema = {
      {"type", required.empty() ? Json::array({"object", "null"}) : Json("object")},
      {"properties", std::move(properties)},
      {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

}  // namespace

std::string JsonSchema(const Spec& spec) {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", spec.name},
                 {"description", spec.summary}};
  schema.update(OfFields(spec.fields));
  return DumpJson(schema, 2) + "\n";
}

}  // namespace leat
