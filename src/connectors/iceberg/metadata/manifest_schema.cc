#include "connectors/iceberg/metadata/manifest_schema.h"

#include <fmt/format.h>

#include <cctype>
#include <cmath>
#include <cstring>
#include <set>

#include "core/json.h"

namespace leat::iceberg {
namespace {

using Json = nlohmann::json;

// Field order and ids are the spec's; the partition record stands between.
constexpr std::string_view kEntry =
    R"({"type":"record","name":"manifest_entry","fields":[)"
    R"({"name":"status","type":"int","field-id":0},)"
    R"({"name":"snapshot_id","type":["null","long"],"default":null,"field-id":1},)"
    R"({"name":"sequence_number","type":["null","long"],"default":null,"field-id":3},)"
    R"({"name":"file_sequence_number","type":["null","long"],"default":null,"field-id":4},)"
    R"({"name":"data_file","type":{"type":"record","name":"r2","fields":[)"
    R"({"name":"content","type":"int","field-id":134},)"
    R"({"name":"file_path","type":"string","field-id":100},)"
    R"({"name":"file_format","type":"string","field-id":101},)"
    R"({"name":"partition","type":{"type":"record","name":"r102","fields":)";

constexpr std::string_view kAfterPartition =
    R"(},"field-id":102},)"
    R"({"name":"record_count","type":"long","field-id":103},)"
    R"({"name":"file_size_in_bytes","type":"long","field-id":104},)";

constexpr std::string_view kAfterMaps =
    R"({"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":131},)"
    R"({"name":"split_offsets","type":["null",{"type":"array","items":"long",)"
    R"("element-id":133}],"default":null,"field-id":132},)"
    R"({"name":"equality_ids","type":["null",{"type":"array","items":"int",)"
    R"("element-id":136}],"default":null,"field-id":135},)"
    R"({"name":"sort_order_id","type":["null","int"],"default":null,"field-id":140},)"
    R"({"name":"referenced_data_file","type":["null","string"],"default":null,)"
    R"("field-id":143}]},"field-id":2}]})";

struct MapField {
  std::string_view name;
  int id;
  int key;
  int value;
  std::string_view type;
};
constexpr MapField kMaps[] = {
    {"column_sizes", 108, 117, 118, "long"},
    {"value_counts", 109, 119, 120, "long"},
    {"null_value_counts", 110, 121, 122, "long"},
    {"nan_value_counts", 137, 138, 139, "long"},
    {"lower_bounds", 125, 126, 127, "bytes"},
    {"upper_bounds", 128, 129, 130, "bytes"},
};

std::string MapSchema(const MapField& m) {
  return fmt::format(
      R"({{"name":"{}","type":["null",{{"type":"array","items":{{"type":"record",)"
      R"("name":"k{}_v{}","fields":[{{"name":"key","type":"int","field-id":{}}},)"
      R"({{"name":"value","type":"{}","field-id":{}}}]}},"logicalType":"map"}}],)"
      R"("default":null,"field-id":{}}},)",
      m.name, m.key, m.value, m.key, m.type, m.value, m.id);
}

// Bytes that hold every decimal of that precision.
int DecimalBytes(int precision) {
  return static_cast<int>(std::ceil((std::ceil(precision * std::log2(10.0)) + 1) / 8));
}

Json AvroTypeOf(const Type& type, std::set<std::string>* named) {
  // A named type is written out once and then only named.
  auto fixed = [&](std::string name, int size, Json more) -> Json {
    if (!named->insert(name).second) return name;
    Json json = {{"type", "fixed"}, {"name", name}, {"size", size}};
    json.update(more);
    return json;
  };
  switch (type.id) {
    case TypeId::kDate: return {{"type", "int"}, {"logicalType", "date"}};
    case TypeId::kTime: return {{"type", "long"}, {"logicalType", "time-micros"}};
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return {{"type", "long"},
              {"logicalType", "timestamp-micros"},
              {"adjust-to-utc", type.id == TypeId::kTimestampTz}};
    case TypeId::kUuid: return fixed("uuid_fixed", 16, {{"logicalType", "uuid"}});
    case TypeId::kFixed:
      return fixed(fmt::format("fixed_{}", type.length), type.length, Json::object());
    case TypeId::kDecimal:
      return fixed(fmt::format("decimal_{}_{}", type.precision, type.scale),
                   DecimalBytes(type.precision),
                   {{"logicalType", "decimal"},
                    {"precision", type.precision},
                    {"scale", type.scale}});
    case TypeId::kBinary: return "bytes";
    default: return type.ToString();  // boolean, int, long, float, double, string
  }
}

// An Avro name has letters, digits and underscores only.
std::string AvroName(std::string_view name) {
  std::string out;
  for (char c : name) {
    bool letter = std::isalpha(static_cast<unsigned char>(c)) || c == '_';
    bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (letter || (digit && !out.empty())) {
      out += c;
    } else if (digit) {
      out += '_';
      out += c;
    } else {
      out += fmt::format("_x{:X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

template <typename T>
Binary Little(T value) {
  Binary bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// Two's complement, big-endian: without the bytes that only repeat the sign.
Binary Shortest(std::string_view bytes) {
  while (bytes.size() > 1) {
    bool negative = (bytes[1] & 0x80) != 0;
    if (bytes[0] != (negative ? '\xff' : '\0')) break;
    bytes.remove_prefix(1);
  }
  return Binary(bytes);
}

}  // namespace

std::string ManifestAvroSchema(const PartitionSpec& spec,
                               const std::vector<Type>& types) {
  Json fields = Json::array();
  std::set<std::string> named;
  for (size_t i = 0; i < spec.fields.size(); i++) {
    fields.push_back({{"name", AvroName(spec.fields[i].name)},
                      {"type", Json::array({"null", AvroTypeOf(types[i], &named)})},
                      {"default", nullptr},
                      {"field-id", spec.fields[i].field_id}});
  }
  std::string schema(kEntry);
  schema += DumpJson(fields);
  schema += kAfterPartition;
  for (const MapField& m : kMaps) schema += MapSchema(m);
  schema += kAfterMaps;
  return schema;
}

void EncodePartitionValue(const Type& type, const std::optional<Binary>& value,
                          AvroEncoder* out) {
  out->Branch(value.has_value());
  if (!value) return;
  switch (type.id) {
    case TypeId::kBoolean: out->Bool(!value->empty() && (*value)[0] != 0); break;
    case TypeId::kInt:
    case TypeId::kLong:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: out->Long(IntegerOf(*value)); break;
    case TypeId::kDouble: out->Raw(Little(RealOf(*value))); break;
    case TypeId::kDecimal: {
      auto width = static_cast<size_t>(DecimalBytes(type.precision));
      bool negative = !value->empty() && ((*value)[0] & 0x80) != 0;
      size_t have = std::min(width, value->size());
      out->Raw(std::string(width - have, negative ? '\xff' : '\0'));
      out->Raw(std::string_view(*value).substr(value->size() - have));
      break;
    }
    case TypeId::kFloat:
    case TypeId::kFixed:
    case TypeId::kUuid: out->Raw(*value); break;
    default: out->Bytes(*value); break;
  }
}

std::optional<Binary> DecodePartitionValue(const AvroSchema& schema, int node,
                                           const AvroValue& value) {
  using Kind = AvroNode::Kind;
  switch (value.kind) {
    case Kind::kNull: return std::nullopt;
    case Kind::kBool: return Binary(1, value.integer ? '\1' : '\0');
    case Kind::kInt: return Little(static_cast<int32_t>(value.integer));
    case Kind::kLong: return Little(value.integer);
    case Kind::kFloat: return Little(static_cast<float>(value.real));
    case Kind::kDouble: return Little(value.real);
    default: break;
  }
  const AvroNode& type = schema.nodes[static_cast<size_t>(schema.Resolve(node))];
  if (type.logical == "decimal") return Shortest(value.bytes);
  return Binary(value.bytes);
}

}  // namespace leat::iceberg
