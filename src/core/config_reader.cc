#include "core/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/redact.h"
#include "base/text.h"
#include "core/config_value.h"
#include "core/suggest.h"
#include "core/units.h"

namespace leat {
namespace {

std::vector<std::string> Names(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

// The mapping that a bare scalar is short for, where the part has a field for it.
YamlNode Spelled(const YamlNode& node, const Field& part) {
  if (part.shorthand.empty() || node.kind != YamlNode::Kind::kScalar) return node;
  YamlNode mapping;
  mapping.kind = YamlNode::Kind::kMap;
  mapping.line = node.line;
  mapping.column = node.column;
  mapping.pairs.push_back({part.shorthand, node.line, node.column, false, node});
  return mapping;
}

const Field* FindField(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string_view KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kScalar: return "a single value";
    case YamlNode::Kind::kList: return "a list";
    case YamlNode::Kind::kMap: return "a mapping";
  }
  return "";
}

// How to write a value of the type, for suggestions.
std::string HowToWrite(const Field& field) {
  switch (field.type) {
    case FieldType::kInt: return "write a whole number, such as 100";
    case FieldType::kBool: return "write true or false";
    case FieldType::kDuration:
      return "write a number with a unit, such as 250ms, 30s, 5m";
    case FieldType::kBytes: return "write a size, such as 4096, 64MiB, 1GB";
    case FieldType::kStrings: return fmt::format("write {}: [a, b]", field.name);
    case FieldType::kMap: return fmt::format("write {}: {{name: value}}", field.name);
    case FieldType::kObject: return fmt::format("write {}: {{...}}", field.name);
    case FieldType::kObjects:
      return fmt::format("write {}: {{name: {{...}}}}", field.name);
    case FieldType::kPart: return fmt::format("name one {} below it", field.noun);
    case FieldType::kParts:
      return fmt::format("list each {} with a leading -", field.noun);
    case FieldType::kString: return {};
  }
  return {};
}

std::string FormatOf(FieldType type, int64_t number) {
  if (type == FieldType::kDuration) return FormatDuration(number);
  if (type == FieldType::kBytes) return FormatBytes(number);
  return fmt::format("{}", number);
}

std::optional<int64_t> ParseNumber(FieldType type, std::string_view text) {
  if (type == FieldType::kDuration) return ParseDuration(text);
  if (type == FieldType::kBytes) return ParseBytes(text);
  return ParseInt(text);
}

[[noreturn]] void BadDefault(const Field& field) {
  fmt::print(stderr, "bug: the default of field \"{}\" is not a {}\n", field.name,
             FieldTypeName(field.type));
  std::abort();
}

}  // namespace

std::string_view FieldTypeName(FieldType type) {
  switch (type) {
    case FieldType::kString: return "string";
    case FieldType::kInt: return "integer";
    case FieldType::kBool: return "boolean";
    case FieldType::kDuration: return "duration";
    case FieldType::kBytes: return "size";
    case FieldType::kStrings: return "list of strings";
    case FieldType::kObject: return "mapping";
    case FieldType::kMap: return "mapping of names to strings";
    case FieldType::kObjects: return "mapping of names to mappings";
    case FieldType::kPart: return "part";
    case FieldType::kParts: return "list of parts";
  }
  return "";
}

ConfigReader::ConfigReader(std::string file, std::string folder,
                           const Environment& environment, Diagnostics* diagnostics)
    : file_(std::move(file)),
      folder_(std::move(folder)),
      environment_(environment),
      diagnostics_(diagnostics) {}

void ConfigReader::Complain(const YamlNode& node, std::string message,
                            std::string suggestion) {
  diagnostics_->push_back(
      {PlaceOf(node.line, node.column), std::move(message), std::move(suggestion)});
}

ConfigReader::Value ConfigReader::Default(const Field& field) {
  Value value;
  value.type = field.type;
  const std::string text = field.fallback.value_or("");
  switch (field.type) {
    case FieldType::kString: value.data = text; break;
    case FieldType::kBool:
      value.data = field.fallback ? ParseBool(text).value_or(false) : false;
      if (field.fallback && !ParseBool(text)) BadDefault(field);
      break;
    case FieldType::kInt:
    case FieldType::kDuration:
    case FieldType::kBytes: {
      auto number = field.fallback ? ParseNumber(field.type, text) : 0;
      if (!number || (field.fallback && (*number < field.min || *number > field.max))) {
        BadDefault(field);
      }
      value.data = *number;
      break;
    }
    case FieldType::kObject: value.data = Empty(field.fields); break;
    case FieldType::kObjects: value.data = std::map<std::string, Config>(); break;
    case FieldType::kPart: value.data = Config(); break;
    case FieldType::kParts: value.data = std::vector<Config>(); break;
    case FieldType::kStrings:
    case FieldType::kMap: {
      if (!field.fallback && field.type == FieldType::kStrings) {
        value.data = std::vector<std::string>();  // a required one may not be empty
        break;
      }
      Diagnostics wrong;
      auto node = ParseYaml(text, field.name, &wrong);
      if (!node || !wrong.empty()) BadDefault(field);
      if (field.type == FieldType::kStrings) {
        ReadStrings(*node, field, &value);
      } else {
        ReadMap(*node, field, &value);
      }
    }
  }
  return value;
}

Config ConfigReader::Empty(const std::vector<Field>& fields) {
  Config config;
  config.place_ = PlaceOf(1, 1);
  config.folder_ = folder_;
  for (const Field& field : fields) {
    config.values_[field.name] = std::make_shared<Value>(Default(field));
  }
  return config;
}

Config ConfigReader::Read(const YamlNode& node, const std::vector<Field>& fields,
                          const std::string& what) {
  size_t before = diagnostics_->size();
  Config config = Empty(fields);
  config.place_ = PlaceOf(node.line, node.column);
  if (node.kind == YamlNode::Kind::kScalar || node.kind == YamlNode::Kind::kList) {
    Complain(node,
             fmt::format("{} has to be a mapping, not {}", what, KindName(node.kind)),
             fields.empty() ? "" : fmt::format("write {}: ...", fields.front().name));
    config.clean_ = false;
    return config;
  }
  for (const YamlPair& pair : node.pairs) ReadPair(pair, fields, what, &config);
  for (const Field& field : fields) {
    if (!field.required || config.values_.at(field.name)->given) continue;
    Complain(node, fmt::format("{} needs \"{}\"", what, field.name),
             field.example.empty()
                 ? field.doc
                 : fmt::format("such as {}: {}", field.name, field.example));
  }
  config.clean_ = diagnostics_->size() == before;
  return config;
}

void ConfigReader::ReadPair(const YamlPair& pair, const std::vector<Field>& fields,
                            const std::string& what, Config* config) {
  const Field* field = FindField(fields, pair.key);
  if (!field) {
    diagnostics_->push_back(
        {PlaceOf(pair.line, pair.column),
         fmt::format("{} has no field \"{}\"", what, pair.key),
         fields.empty() ? "remove it" : Suggest(pair.key, Names(fields), "it has")});
    return;
  }
  auto value = std::make_shared<Value>(Default(*field));
  value->given = true;
  value->place = PlaceOf(pair.value.line, pair.value.column);
  bool may_be_empty =
      field->type == FieldType::kObject || field->type == FieldType::kStrings ||
      field->type == FieldType::kMap || field->type == FieldType::kObjects ||
      field->type == FieldType::kParts;
  if (pair.value.kind == YamlNode::Kind::kNull && !may_be_empty) {
    // A missing value has no place of its own worth pointing at: the key has.
    diagnostics_->push_back({PlaceOf(pair.line, pair.column),
                             fmt::format("\"{}\" has no value", pair.key),
                             field->type == FieldType::kPart || field->required
                                 ? HowToWrite(*field)
                                 : "give it one, or remove the line"});
  } else {
    ReadValue(pair.value, *field, value.get());
  }
  config->values_[field->name] = std::move(value);
}

void ConfigReader::ReadValue(const YamlNode& node, const Field& field, Value* value) {
  switch (field.type) {
    case FieldType::kObject:
      value->data =
          Read(Spelled(node, field), field.fields, fmt::format("\"{}\"", field.name));
      return;
    case FieldType::kStrings: return ReadStrings(node, field, value);
    case FieldType::kMap: return ReadMap(node, field, value);
    case FieldType::kObjects: return ReadObjects(node, field, value);
    case FieldType::kPart: return ReadPart(node, field, value);
    case FieldType::kParts: return ReadParts(node, field, value);
    default: return ReadScalar(node, field, value);
  }
}

// The scalar's text with its variables replaced; registers what must not be printed.
std::string ConfigReader::Text(const YamlNode& node, const Field& field) {
  Replaced replaced = ReplaceVariables(node.scalar, environment_);
  for (const std::string& secret : replaced.secrets) RegisterSecret(secret);
  if (field.secret) RegisterSecret(replaced.text);
  if (std::string_view password = UrlPassword(replaced.text); !password.empty()) {
    RegisterSecret(password);
  }
  // Bytes of a scalar that is folded or has escapes do not count columns; close enough.
  size_t inside = node.quoted ? 1 : 0;
  for (Replaced::Problem& problem : replaced.problems) {
    bool one_line = node.scalar.find('\n') == std::string::npos;
    int column = node.column + static_cast<int>(one_line ? inside + problem.at : 0);
    diagnostics_->push_back({PlaceOf(node.line, column), std::move(problem.message),
                             std::move(problem.suggestion)});
  }
  return replaced.text;
}

// The value as the file has it: a variable's name instead of what is in it, which may be
// a secret put into the wrong field.
std::string ConfigReader::Quote(const YamlNode& node, const Field& field) const {
  if (field.secret) return "this value";
  constexpr size_t kLongest = 80;
  std::string text = Redact(node.scalar.substr(0, kLongest));
  if (node.scalar.size() > kLongest) text += "...";
  bool variable = node.scalar.find("${") != std::string::npos;
  return fmt::format("\"{}\"{}", text, variable ? " (its variables replaced)" : "");
}

bool ConfigReader::Fits(int64_t number, const YamlNode& node, const Field& field) {
  if (number >= field.min && number <= field.max) return true;
  std::string bounds;
  if (field.min != INT64_MIN) bounds = "at least " + FormatOf(field.type, field.min);
  if (field.max != INT64_MAX) {
    if (!bounds.empty()) bounds += " and ";
    bounds += "at most " + FormatOf(field.type, field.max);
  }
  Complain(node, fmt::format("\"{}\" has to be {}, not {}", field.name, bounds,
                             Quote(node, field)));
  return false;
}

void ConfigReader::ReadScalar(const YamlNode& node, const Field& field, Value* value) {
  if (node.kind != YamlNode::Kind::kScalar) {
    Complain(node,
             fmt::format("\"{}\" has to be one {}, not {}", field.name,
                         FieldTypeName(field.type), KindName(node.kind)),
             node.kind == YamlNode::Kind::kMap && field.type == FieldType::kString
                 ? "put a value that starts with { into quotes"
                 : HowToWrite(field));
    return;
  }
  size_t before = diagnostics_->size();
  std::string text = Text(node, field);
  if (diagnostics_->size() > before) return;
  if (field.type == FieldType::kString) {
    if (!field.choices.empty() && std::find(field.choices.begin(), field.choices.end(),
                                            text) == field.choices.end()) {
      Complain(node, fmt::format("\"{}\" cannot be {}", field.name, Quote(node, field)),
               Suggest(text, field.choices, "it is one of"));
    }
    value->data = std::move(text);
    return;
  }
  if (field.type == FieldType::kBool) {
    if (auto flag = ParseBool(text)) {
      value->data = *flag;
      return;
    }
  } else if (auto number = ParseNumber(field.type, text)) {
    if (Fits(*number, node, field)) value->data = *number;
    return;
  }
  bool bare = field.type == FieldType::kDuration && ParseInt(text);
  Complain(
      node,
      fmt::format("\"{}\" has to be {} {}, not {}", field.name,
                  field.type == FieldType::kInt ? "an" : "a", FieldTypeName(field.type),
                  Quote(node, field)),
      bare ? fmt::format("add a unit, such as {}s", node.scalar) : HowToWrite(field));
}

void ConfigReader::ReadStrings(const YamlNode& node, const Field& field, Value* value) {
  std::vector<std::string> strings;
  if (node.kind == YamlNode::Kind::kMap) {
    Complain(node,
             fmt::format("\"{}\" has to be a list of strings, not a mapping", field.name),
             HowToWrite(field));
  } else if (node.kind == YamlNode::Kind::kScalar) {
    strings.push_back(Text(node, field));
  }
  for (const YamlNode& item : node.items) {
    if (item.kind == YamlNode::Kind::kScalar) {
      strings.push_back(Text(item, field));
    } else {
      Complain(item, fmt::format("an item of \"{}\" has to be a string, not {}",
                                 field.name, KindName(item.kind)));
    }
  }
  if (field.required && strings.empty() && node.kind != YamlNode::Kind::kMap) {
    Complain(node, fmt::format("\"{}\" is empty", field.name), HowToWrite(field));
  }
  value->data = std::move(strings);
}

void ConfigReader::ReadMap(const YamlNode& node, const Field& field, Value* value) {
  std::map<std::string, std::string> map;
  if (node.kind == YamlNode::Kind::kScalar || node.kind == YamlNode::Kind::kList) {
    Complain(node,
             fmt::format("\"{}\" has to be a mapping of names to strings, not {}",
                         field.name, KindName(node.kind)),
             HowToWrite(field));
  }
  for (const YamlPair& pair : node.pairs) {
    if (pair.value.kind == YamlNode::Kind::kScalar) {
      map[pair.key] = Text(pair.value, field);
    } else {
      Complain(pair.value, fmt::format("\"{}\" in \"{}\" has to be a string, not {}",
                                       pair.key, field.name, KindName(pair.value.kind)));
    }
  }
  value->data = std::move(map);
}

void ConfigReader::ReadObjects(const YamlNode& node, const Field& field, Value* value) {
  std::map<std::string, Config> objects;
  if (node.kind == YamlNode::Kind::kScalar || node.kind == YamlNode::Kind::kList) {
    Complain(node,
             fmt::format("\"{}\" has to be a mapping of names to mappings, not {}",
                         field.name, KindName(node.kind)),
             HowToWrite(field));
  }
  for (const YamlPair& pair : node.pairs) {
    Config config = Read(pair.value, field.fields,
                         fmt::format("\"{}\" in \"{}\"", pair.key, field.name));
    config.place_ = PlaceOf(pair.line, pair.column);
    objects[pair.key] = std::move(config);
  }
  value->data = std::move(objects);
}

void ConfigReader::ReadPart(const YamlNode& node, const Field& field, Value* value) {
  YamlNode mapping = node;
  if (node.kind == YamlNode::Kind::kScalar) {  // `to: discard`: a part with its defaults
    mapping.kind = YamlNode::Kind::kMap;
    mapping.pairs.push_back({node.scalar, node.line, node.column, false, {}});
    mapping.pairs.back().value.line = node.line;
    mapping.pairs.back().value.column = node.column;
  } else if (node.kind == YamlNode::Kind::kList) {
    Complain(node,
             fmt::format("\"{}\" has to name one {}, not a list", field.name, field.noun),
             "put each into a pipeline file of its own");
    return;
  }
  if (mapping.pairs.empty()) {
    Complain(node, fmt::format("\"{}\" names no {}", field.name, field.noun),
             fmt::format("it is one of: {}", Joined(Names(field.fields), ", ")));
    return;
  }
  for (const YamlPair& pair : mapping.pairs) {
    const Field* part = FindField(field.fields, pair.key);
    if (!part) {
      diagnostics_->push_back({PlaceOf(pair.line, pair.column),
                               fmt::format("there is no {} \"{}\"", field.noun, pair.key),
                               Suggest(pair.key, Names(field.fields),
                                       fmt::format("a {} is one of", field.noun))});
      continue;
    }
    if (!value->part.empty()) {
      diagnostics_->push_back({PlaceOf(pair.line, pair.column),
                               fmt::format("two {}s, \"{}\" and \"{}\", where one can be",
                                           field.noun, value->part, pair.key),
                               field.noun == "step"
                                   ? "give each its own -"
                                   : "put each into a pipeline file of its own"});
      continue;
    }
    value->part = pair.key;
    Config config = Read(Spelled(pair.value, *part), part->fields,
                         fmt::format("{} {}", field.noun, pair.key));
    config.place_ = PlaceOf(pair.line, pair.column);
    value->data = std::move(config);
  }
}

void ConfigReader::ReadParts(const YamlNode& node, const Field& field, Value* value) {
  std::vector<Config> parts;
  if (node.kind == YamlNode::Kind::kScalar || node.kind == YamlNode::Kind::kMap) {
    Complain(
        node,
        fmt::format("\"{}\" has to be a list, not {}", field.name, KindName(node.kind)),
        HowToWrite(field));
  }
  for (const YamlNode& item : node.items) {
    Value part;
    part.type = FieldType::kPart;
    part.given = true;
    part.place = PlaceOf(item.line, item.column);
    ReadPart(item, field, &part);
    Config config;
    config.place_ = part.place;
    config.folder_ = folder_;
    config.values_["part"] = std::make_shared<Value>(std::move(part));
    parts.push_back(std::move(config));
  }
  value->data = std::move(parts);
}

Result<Config> ParseConfig(const Spec& spec, std::string_view yaml,
                           const std::string& file, const std::string& folder) {
  Diagnostics diagnostics;
  Environment environment = Environment::Process();
  Config config;
  if (auto node = ParseYaml(yaml, file, &diagnostics)) {
    config = ConfigReader(file, folder, environment, &diagnostics)
                 .Read(*node, spec.fields, spec.name);
  }
  if (!diagnostics.empty()) return ToStatus(std::move(diagnostics));
  return config;
}

}  // namespace leat
