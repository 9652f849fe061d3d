#include <fmt/format.h>

#include "core/json.h"
#include "format/avro_reader.h"
#include "format/json_number.h"

namespace leat {
namespace {

using SchemaJson = nlohmann::json;
using AvroKind = AvroNode::Kind;

// No manifest comes near these.
constexpr int kMaxSchemaDepth = 32;
constexpr size_t kMaxNodes = 10'000;

struct Primitive {
  std::string_view name;
  AvroKind kind;
};
constexpr Primitive kPrimitives[] = {
    {"null", AvroKind::kNull},   {"boolean", AvroKind::kBool},
    {"int", AvroKind::kInt},     {"long", AvroKind::kLong},
    {"float", AvroKind::kFloat}, {"double", AvroKind::kDouble},
    {"bytes", AvroKind::kBytes}, {"string", AvroKind::kString},
};

// Throws what nlohmann throws on JSON of another shape; see AvroSchema::Parse.
class Parser {
 public:
  explicit Parser(std::vector<AvroNode>* nodes) : nodes_(*nodes) {}

  Result<int> Node(const SchemaJson& json, int depth) {
    if (depth > kMaxSchemaDepth || nodes_.size() > kMaxNodes) {
      return Status::Config("an Avro schema that is too deep or too large");
    }
    if (json.is_string()) return Named(json.get<std::string>());
    if (json.is_array()) return Union(json, depth);
    const SchemaJson& type = json.at("type");
    if (!type.is_string()) return Node(type, depth + 1);
    const std::string name = type.get<std::string>();
    int made = static_cast<int>(nodes_.size());
    if (name == "record" || name == "fixed" || name == "enum" || name == "array" ||
        name == "map") {
      nodes_.emplace_back();
    } else {
      ASSIGN_OR_RETURN(made, Named(name));
    }
    at(made).logical = json.value("logicalType", "");
    if (at(made).logical == "decimal") {
      at(made).precision = JsonNumber<int>(json, "precision", 0);
      at(made).scale = JsonNumber<int>(json, "scale", 0);
    }
    if (name == "record") RETURN_IF_ERROR(Record(json, made, depth));
    if (name == "fixed") RETURN_IF_ERROR(Fixed(json, made));
    if (name == "enum") {
      at(made).kind = AvroKind::kEnum;
      at(made).symbols = json.at("symbols").get<std::vector<std::string>>();
      Remember(json, made);
    }
    if (name == "array" || name == "map") {
      at(made).kind = name == "array" ? AvroKind::kArray : AvroKind::kMap;
      ASSIGN_OR_RETURN(int child,
                       Node(json.at(name == "array" ? "items" : "values"), depth + 1));
      at(made).children.push_back({"", -1, child, ""});
    }
    return made;
  }

 private:
  AvroNode& at(int node) { return nodes_[static_cast<size_t>(node)]; }

  void Remember(const SchemaJson& json, int node) {
    const std::string name = json.value("name", "");
    names_[name] = node;
    if (json.contains("namespace")) {
      names_[json["namespace"].get<std::string>() + "." + name] = node;
    }
  }

  Result<int> Named(const std::string& name) {
    for (const Primitive& p : kPrimitives) {
      if (p.name != name) continue;
      nodes_.emplace_back().kind = p.kind;
      return static_cast<int>(nodes_.size()) - 1;
    }
    auto known = names_.find(name);
    if (known != names_.end()) return known->second;
    return Status::Config(fmt::format("an Avro schema with an unknown type '{}'", name));
  }

  Result<int> Union(const SchemaJson& json, int depth) {
    int made = static_cast<int>(nodes_.size());
    nodes_.emplace_back().kind = AvroKind::kUnion;
    for (const SchemaJson& branch : json) {
      ASSIGN_OR_RETURN(int child, Node(branch, depth + 1));
      at(made).children.push_back({"", -1, child, ""});
    }
    return made;
  }

  Status Record(const SchemaJson& json, int made, int depth) {
    at(made).kind = AvroKind::kRecord;
    Remember(json, made);
    for (const SchemaJson& item : json.at("fields")) {
      AvroNode::Child child;
      child.name = item.at("name").get<std::string>();
      child.column = item.value("column", "");
      child.field_id = JsonNumber<int>(item, "field-id", -1);
      ASSIGN_OR_RETURN(child.node, Node(item.at("type"), depth + 1));
      at(made).children.push_back(std::move(child));
    }
    return Status::Ok();
  }

  Status Fixed(const SchemaJson& json, int made) {
    at(made).kind = AvroKind::kFixed;
    at(made).size = JsonNumber(json.at("size"));
    if (at(made).size < 0) return Status::Config("an Avro schema with a negative size");
    Remember(json, made);
    return Status::Ok();
  }

  std::vector<AvroNode>& nodes_;
  std::map<std::string, int> names_;
};

}  // namespace

Result<AvroSchema> AvroSchema::Parse(std::string_view text) {
  try {
    AvroSchema schema;
    ASSIGN_OR_RETURN(schema.root,
                     Parser(&schema.nodes).Node(ParseJson<SchemaJson>(text), 0));
    return schema;
  } catch (const SchemaJson::exception& error) {
    return Status::Config(std::string("not an Avro schema: ") + error.what());
  }
}

int AvroSchema::FindChild(int node, int field_id, std::string_view name) const {
  const AvroNode& record = nodes[static_cast<size_t>(node)];
  if (record.kind != AvroKind::kRecord) return -1;
  for (size_t i = 0; i < record.children.size(); i++) {
    if (record.children[i].field_id == field_id) return static_cast<int>(i);
  }
  for (size_t i = 0; i < record.children.size(); i++) {
    const AvroNode::Child& child = record.children[i];
    if (child.field_id < 0 && child.name == name) return static_cast<int>(i);
  }
  return -1;
}

int AvroSchema::Resolve(int node) const {
  const AvroNode& outer = nodes[static_cast<size_t>(node)];
  if (outer.kind != AvroKind::kUnion) return node;
  for (const AvroNode::Child& branch : outer.children) {
    if (nodes[static_cast<size_t>(branch.node)].kind != AvroKind::kNull)
      return branch.node;
  }
  return node;
}

}  // namespace leat
