#include "core/describe.h"

#include <fmt/format.h>

#include "base/text.h"
#include "core/config_reader.h"
#include "core/json.h"
#include "core/units.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

std::string Number(FieldType type, int64_t number) {
  if (type == FieldType::kDuration) return FormatDuration(number);
  if (type == FieldType::kBytes) return FormatBytes(number);
  return fmt::format("{}", number);
}

// "source", for fields whose value is a part; else the type's name.
std::string TypeName(const Field& field) {
  if (field.type == FieldType::kPart) return "one " + field.noun;
  if (field.type == FieldType::kParts) return "list of " + field.noun + "s";
  return std::string(FieldTypeName(field.type));
}

// What holds besides the type: "required; one of: a, b; default: a".
std::vector<std::string> Facts(const Field& field) {
  std::vector<std::string> facts;
  if (field.required) facts.push_back("required");
  if (field.secret) facts.push_back("secret: never printed");
  if (!field.choices.empty()) {
    facts.push_back(fmt::format("one of: {}", Joined(field.choices, ", ")));
  }
  if (field.min != INT64_MIN && field.max != INT64_MAX) {
    facts.push_back(fmt::format("{} to {}", Number(field.type, field.min),
                                Number(field.type, field.max)));
  } else if (field.min != INT64_MIN) {
    facts.push_back(fmt::format("at least {}", Number(field.type, field.min)));
  } else if (field.max != INT64_MAX) {
    facts.push_back(fmt::format("at most {}", Number(field.type, field.max)));
  }
  if (field.fallback) facts.push_back("default: " + *field.fallback);
  return facts;
}

// Each field under its dotted name; the fields of parts are described on their own.
template <typename Visit>
void Walk(const std::vector<Field>& fields, const std::string& prefix,
          const Visit& visit) {
  for (const Field& field : fields) {
    visit(prefix + field.name, field);
    if (field.type == FieldType::kObject) {
      Walk(field.fields, prefix + field.name + ".", visit);
    } else if (field.type == FieldType::kObjects) {
      Walk(field.fields, prefix + field.name + ".NAME.", visit);
    }
  }
}

std::string Title(const Spec& spec, std::string_view kind) {
  return kind.empty() ? spec.name : fmt::format("{} ({})", spec.name, kind);
}

std::string Indented(std::string_view text, std::string_view by) {
  std::string out;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    out += by;
    out += text.substr(0, end);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string InTable(std::string text) {
  for (size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
    text.insert(at, "\\");
  }
  return text;
}

Json FieldsJson(const std::vector<Field>& fields) {
  Json out = Json::array();
  for (const Field& field : fields) {
    Json json = {{"name", field.name},
                 {"type", TypeName(field)},
                 {"doc", field.doc},
                 {"required", field.required},
                 {"secret", field.secret}};
    if (field.fallback) json["default"] = *field.fallback;
    if (!field.example.empty()) json["example"] = field.example;
    if (!field.choices.empty()) json["choices"] = field.choices;
    if (field.min != INT64_MIN) json["min"] = Number(field.type, field.min);
    if (field.max != INT64_MAX) json["max"] = Number(field.type, field.max);
    if (field.type == FieldType::kObject || field.type == FieldType::kObjects) {
      json["fields"] = FieldsJson(field.fields);
    }
    out.push_back(std::move(json));
  }
  return out;
}

}  // namespace

std::string DescribeText(const Spec& spec, std::string_view kind) {
  std::string out = fmt::format("{}\n  {}\n", Title(spec, kind), spec.summary);
  if (!spec.fields.empty()) out += "\nFields:\n";
  Walk(spec.fields, "", [&](const std::string& name, const Field& field) {
    out += fmt::format("  {}  {}", name, TypeName(field));
    std::vector<std::string> facts = Facts(field);
    if (!facts.empty()) out += fmt::format("; {}", Joined(facts, "; "));
    out += fmt::format("\n      {}\n", field.doc);
    if (!field.example.empty()) {
      out += field.example.find('\n') == std::string::npos
                 ? fmt::format("      such as  {}: {}\n", field.name, field.example)
                 : "      such as\n" + Indented(field.example, "        ");
    }
  });
  if (!spec.example.empty()) out += "\nExample:\n" + Indented(spec.example, "  ");
  return out;
}

std::string DescribeMarkdown(const Spec& spec, std::string_view kind) {
  std::string out = fmt::format("### {}\n\n{}\n\n", Title(spec, kind), spec.summary);
  if (!spec.fields.empty()) {
    out += "| field | type | | |\n|---|---|---|---|\n";
  }
  Walk(spec.fields, "", [&](const std::string& name, const Field& field) {
    std::string example;
    if (!field.example.empty() && field.example.find('\n') == std::string::npos) {
      example = fmt::format(" Such as `{}`.", field.example);
    }
    out += fmt::format("| `{}` | {} | {} | {}{} |\n", name, TypeName(field),
                       InTable(Joined(Facts(field), "; ")), InTable(field.doc),
                       InTable(example));
  });
  if (!spec.fields.empty()) out += '\n';
  if (!spec.example.empty()) {
    out += "```yaml\n" + Indented(spec.example, "") + "```\n\n";
  }
  return out;
}

std::string DescribeJson(const Spec& spec, std::string_view kind) {
  Json json = {{"name", spec.name}};
  if (!kind.empty()) json["kind"] = kind;
  json["summary"] = spec.summary;
  json["fields"] = FieldsJson(spec.fields);
  json["example"] = spec.example;
  return DumpJson(json, 2) + "\n";
}

}  // namespace leat
