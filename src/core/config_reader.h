// ConfigReader: checks a YAML mapping against the fields of a Spec and makes a Config of
// it. It goes on after an error, so that one reading tells them all: unknown and missing
// fields, wrong types, values out of bounds or not among the choices, missing variables.
// Secrets it meets are registered for masking (base/redact.h) and never quoted.
// One thread; borrows the environment and the diagnostics it adds to.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/environment.h"
#include "core/yaml.h"

namespace leat {

class ConfigReader {
 public:
  // `file` as diagnostics name it; `folder` is what relative paths start from.
  ConfigReader(std::string file, std::string folder, const Environment& environment,
               Diagnostics* diagnostics);

  // `what` says in messages whose fields these are: "this file", "source mysql".
  Config Read(const YamlNode& node, const std::vector<Field>& fields,
              const std::string& what);

 private:
  using Value = Config::Value;

  Config Empty(const std::vector<Field>& fields);
  Value Default(const Field& field);
  void ReadPair(const YamlPair& pair, const std::vector<Field>& fields,
                const std::string& what, Config* config);
  void ReadValue(const YamlNode& node, const Field& field, Value* value);
  void ReadScalar(const YamlNode& node, const Field& field, Value* value);
  void ReadStrings(const YamlNode& node, const Field& field, Value* value);
  void ReadMap(const YamlNode& node, const Field& field, Value* value);
  void ReadObjects(const YamlNode& node, const Field& field, Value* value);
  void ReadPart(const YamlNode& node, const Field& field, Value* value);
  void ReadParts(const YamlNode& node, const Field& field, Value* value);
  std::string Text(const YamlNode& node, const Field& field);
  std::string Quote(const YamlNode& node, const Field& field) const;
  bool Fits(int64_t number, const YamlNode& node, const Field& field);
  Place PlaceOf(int line, int column) const { return {file_, line, column}; }
  void Complain(const YamlNode& node, std::string message, std::string suggestion = "");

  const std::string file_;
  const std::string folder_;
  const Environment& environment_;
  Diagnostics* diagnostics_;
};

// The mapping `yaml` against `spec`; all that is wrong as one error. For tests and for
// whoever has no file.
Result<Config> ParseConfig(const Spec& spec, std::string_view yaml,
                           const std::string& file = "inline.yaml",
                           const std::string& folder = ".");

// A field's type as a user reads it: "duration", "list of strings".
std::string_view FieldTypeName(FieldType type);

}  // namespace leat
