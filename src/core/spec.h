// Spec: one declaration for each field of a connector, step or pipeline. Parsing,
// checking, `leat describe`, the JSON Schema and docs/ all come from it; nothing about a
// field is said twice. Built at start, constant afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leat {

enum class FieldType : uint8_t {
  kString,
  kInt,
  kBool,
  kDuration,  // 250ms, 30s, 5m, 2h, 1d; a bare number is an error
  kBytes,     // 64MiB, 1GB, 4096
  kStrings,   // a list of strings; a single string is a list of one
  kObject,    // `fields` below it
  kMap,       // free names to strings
  kObjects,   // free names to mappings of `fields`
  kPart,      // exactly one of `fields`, by its name: {mysql: {...}}
  kParts,     // a list of such
};

struct Field {
  std::string name;
  FieldType type = FieldType::kString;
  std::string doc;      // one sentence, no full stop missing
  std::string example;  // YAML
  bool required = false;
  bool secret = false;                  // never printed, logged or answered
  std::optional<std::string> fallback;  // the default, as one would write it
  int64_t min = INT64_MIN;              // kInt, kDuration (microseconds), kBytes
  int64_t max = INT64_MAX;
  std::vector<std::string> choices;  // kString: one of these
  std::vector<Field> fields;         // kObject, kObjects, kPart, kParts
  std::string noun;                  // kPart, kParts: what one is called: "source"
  // kObject: the field that a bare scalar stands for (`sql: SELECT 1`); empty: none.
  std::string shorthand;

  static Field String(std::string name, std::string doc);
  static Field Int(std::string name, std::string doc);
  static Field Bool(std::string name, std::string doc);
  static Field Duration(std::string name, std::string doc);
  static Field Bytes(std::string name, std::string doc);
  static Field Strings(std::string name, std::string doc);
  static Field Object(std::string name, std::string doc, std::vector<Field> fields);
  static Field Map(std::string name, std::string doc);
  static Field Objects(std::string name, std::string doc, std::vector<Field> fields);
  static Field Part(std::string name, std::string doc, std::string noun,
                    std::vector<Field> fields);
  static Field Parts(std::string name, std::string doc, std::string noun,
                     std::vector<Field> fields);

  Field Required() &&;
  Field Secret() &&;
  Field Default(std::string value) &&;
  Field Example(std::string yaml) &&;
  Field Between(int64_t low, int64_t high) &&;
  Field OneOf(std::vector<std::string> choices) &&;
};

struct Spec {
  std::string name;     // as typed: "mysql"
  std::string summary;  // one sentence
  std::vector<Field> fields;
  std::string example;         // YAML of a whole use
  std::string shorthand = {};  // as Field has it
};

}  // namespace leat
