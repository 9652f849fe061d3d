#include "core/spec.h"

#include <utility>

namespace leat {
namespace {

Field Make(FieldType type, std::string name, std::string doc) {
  Field f;
  f.name = std::move(name);
  f.type = type;
  f.doc = std::move(doc);
  return f;
}

}  // namespace

Field Field::String(std::string name, std::string doc) {
  return Make(FieldType::kString, std::move(name), std::move(doc));
}
Field Field::Int(std::string name, std::string doc) {
  return Make(FieldType::kInt, std::move(name), std::move(doc));
}
Field Field::Bool(std::string name, std::string doc) {
  return Make(FieldType::kBool, std::move(name), std::move(doc));
}
Field Field::Duration(std::string name, std::string doc) {
  return Make(FieldType::kDuration, std::move(name), std::move(doc));
}
Field Field::Bytes(std::string name, std::string doc) {
  return Make(FieldType::kBytes, std::move(name), std::move(doc));
}
Field Field::Strings(std::string name, std::string doc) {
  return Make(FieldType::kStrings, std::move(name), std::move(doc));
}
Field Field::Object(std::string name, std::string doc, std::vector<Field> fields) {
  Field f = Make(FieldType::kObject, std::move(name), std::move(doc));
  f.fields = std::move(fields);
  return f;
}
Field Field::Map(std::string name, std::string doc) {
  return Make(FieldType::kMap, std::move(name), std::move(doc));
}
Field Field::Objects(std::string name, std::string doc, std::vector<Field> fields) {
  Field f = Object(std::move(name), std::move(doc), std::move(fields));
  f.type = FieldType::kObjects;
  return f;
}
Field Field::Part(std::string name, std::string doc, std::string noun,
                  std::vector<Field> fields) {
  Field f = Object(std::move(name), std::move(doc), std::move(fields));
  f.type = FieldType::kPart;
  f.noun = std::move(noun);
  return f;
}
Field Field::Parts(std::string name, std::string doc, std::string noun,
                   std::vector<Field> fields) {
  Field f = Part(std::move(name), std::move(doc), std::move(noun), std::move(fields));
  f.type = FieldType::kParts;
  return f;
}

Field Field::Required() && {
  required = true;
  return std::move(*this);
}
Field Field::Secret() && {
  secret = true;
  return std::move(*this);
}
Field Field::Default(std::string value) && {
  fallback = std::move(value);
  return std::move(*this);
}
Field Field::Example(std::string yaml) && {
  example = std::move(yaml);
  return std::move(*this);
}
Field Field::Between(int64_t low, int64_t high) && {
  min = low;
  max = high;
  return std::move(*this);
}
Field Field::OneOf(std::vector<std::string> allowed) && {
  choices = std::move(allowed);
  return std::move(*this);
}

}  // namespace leat
