// The JSON Schema that editors get accepts what the program accepts: checked with a
// validator of just the keywords it uses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "base/testing.h"
#include "cli/shell.h"
#include "core/json_schema.h"
#include "core/pipeline_file.h"
#include "core/units.h"
#include "core/yaml.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A plain scalar has the type an editor's YAML reader gives it.
json ToJson(const YamlNode& node) {
  json out;
  if (node.kind == YamlNode::Kind::kList) out = json::array();
  if (node.kind == YamlNode::Kind::kMap) out = json::object();
  for (const YamlNode& item : node.items) out.push_back(ToJson(item));
  for (const YamlPair& pair : node.pairs) out[pair.key] = ToJson(pair.value);
  if (node.kind != YamlNode::Kind::kScalar) return out;
  if (!node.quoted && (node.scalar == "true" || node.scalar == "false")) {
    return node.scalar == "true";
  }
  auto number = node.quoted ? std::nullopt : ParseInt(node.scalar);
  return number ? json(*number) : json(node.scalar);
}

bool HasType(const json& value, const json& type) {
  if (type.is_array()) {
    return std::any_of(type.begin(), type.end(),
                       [&](const json& one) { return HasType(value, one); });
  }
  return (type == "object" && value.is_object()) ||
         (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) ||
         (type == "boolean" && value.is_boolean()) ||
         (type == "null" && value.is_null()) ||
         (type == "integer" && value.is_number_integer()) ||
         (type == "number" && value.is_number());
}

bool Valid(const json& value, const json& schema);

bool ValidObject(const json& value, const json& schema) {
  for (const json& name : schema.value("required", json::array())) {
    if (!value.contains(name)) return false;
  }
  if (value.size() < schema.value("minProperties", 0U)) return false;
  if (value.size() > schema.value("maxProperties", SIZE_MAX)) return false;
  const json none = json::object();
  const json& properties = schema.contains("properties") ? schema["properties"] : none;
  for (const auto& [name, item] : value.items()) {
    if (properties.contains(name)) {
      if (!Valid(item, properties[name])) return false;
    } else if (schema.contains("additionalProperties")) {
      const json& more = schema["additionalProperties"];
      if (more == false || (more.is_object() && !Valid(item, more))) return false;
    }
  }
  return true;
}

bool Valid(const json& value, const json& schema) {
  if (schema.contains("type") && !HasType(value, schema["type"])) return false;
  if (schema.contains("anyOf") &&
      std::none_of(schema["anyOf"].begin(), schema["anyOf"].end(),
                   [&](const json& one) { return Valid(value, one); })) {
    return false;
  }
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(),
                                           value) == schema["enum"].end()) {
    return false;
  }
  if (value.is_string() && schema.contains("pattern") &&
      !std::regex_search(value.get<std::string>(),
                         std::regex(schema["pattern"].get<std::string>()))) {
    return false;
  }
  if (value.is_number()) {
    if (schema.contains("minimum") && value < schema["minimum"]) return false;
    if (schema.contains("maximum") && value > schema["maximum"]) return false;
  }
  if (value.is_array() && schema.contains("items")) {
    for (const json& item : value) {
      if (!Valid(item, schema["items"])) return false;
    }
  }
  return !value.is_object() || ValidObject(value, schema);
}

json FromYaml(std::string_view text) {
  Diagnostics wrong;
  auto node = ParseYaml(text, "f", &wrong);
  EXPECT_TRUE(node && wrong.empty());
  return ToJson(*node);
}

class SchemaTest : public testing::Test {
 protected:
  SchemaTest() : shell_(1, 2, Environment::Process()) {
    for (std::string_view name : {"in", "from_other"}) {
      SourceType type;
      type.spec = {std::string(name),
                   "Reads.",
                   {Field::String("url", "Where.").Required(),
                    Field::Strings("tables", "Which."), Field::Bool("force", "Whether."),
                    Field::String("read", "How.").OneOf({"cdc", "poll"})},
                   ""};
      registry_.Add(std::move(type));
    }
    SinkType type;
    type.spec = {"out", "Writes.", {}, ""};
    registry_.Add(std::move(type));
    schema_ = json::parse(JsonSchema(PipelineSpec(registry_)));
  }
  bool Accepts(std::string_view yaml) { return Valid(FromYaml(yaml), schema_); }

  Shell shell_;
  Registry registry_;
  json schema_;
};

TEST_F(SchemaTest, AcceptsWhatTheProgramAccepts) {
  EXPECT_TRUE(Accepts("from: {in: {url: u}}\nto: out"));
  EXPECT_TRUE(
      Accepts("name: 5\nfrom: {in: {url: u, tables: t, force: true, read: poll}}\n"
              "steps: []\nto: {out: {}}\ndead_letters: {max: 5}\n"
              "commit: {every: 1.5s, rows: 10, bytes: 64MiB}"));
  EXPECT_TRUE(
      Accepts("from: {in: {url: u, tables: [a, b], force: '${F}', read: '${R}'}}\n"
              "to: {out: }\ncommit: {every: '${E:1s}', rows: '${N}', bytes: 4096}"));
}

TEST_F(SchemaTest, RefusesWhatTheProgramRefuses) {
  for (const char* yaml :
       {"to: out", "from: {in: {}}\nto: out", "from: {in: {url: u}}\nto: {}",
        "from: {in: {url: u}, from_other: {url: u}}\nto: out",
        "from: {inn: {url: u}}\nto: out", "from: {in: {url: u, x: 1}}\nto: out",
        "from: {in: {url: u, read: pol}}\nto: out", "a: b\nfrom: {in: {url: u}}\nto: out",
        "from: {in: {url: u}}\nto: out\ncommit: {every: 10}",
        "from: {in: {url: u}}\nto: out\ncommit: {rows: 0}",
        "from: {in: {url: u}}\nto: out\ncommit: {bytes: many}"}) {
    EXPECT_FALSE(Accepts(yaml)) << yaml;
  }
}

TEST_F(SchemaTest, AcceptsTheExamples) {
  json pipeline = json::parse(JsonSchema(PipelineSpec(shell_.registry())));
  json project = json::parse(JsonSchema(ProjectSpec(shell_.registry())));
  fs::path root = fs::path(LEAT_TESTDATA).parent_path().parent_path().parent_path();
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root / "examples")) {
    if (entry.path().extension() != ".yaml") continue;
    bool shared = entry.path().filename() == "leat.yaml";
    EXPECT_TRUE(Valid(FromYaml(ReadFile(entry.path())), shared ? project : pipeline))
        << entry.path();
    seen++;
  }
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace leat
