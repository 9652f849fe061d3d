#include "format/schema_bytes.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "core/json.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

Status DamagedSchema(std::string_view why) {
  return Status::Config("a table's schema in the store is damaged: " + std::string(why));
}

Result<SchemaRef> Build(const Json& json, const arrow::Schema& types) {
  const Json& id = json.at("table");
  std::vector<Column> columns;
  for (const Json& c : json.at("columns")) {
    const auto at = static_cast<int>(columns.size());
    if (at >= types.num_fields()) return DamagedSchema("it has columns without a type");
    Column column;
    column.name = c.at(0);
    column.type = types.field(at)->type();
    column.nullable = c.at(1);
    column.source_type = c.at(2);
    columns.push_back(std::move(column));
  }
  return TableSchema::Make({id.at(0), id.at(1), id.at(2)}, std::move(columns),
                           json.at("key").get<std::vector<int>>());
}

}  // namespace

Result<std::string> EncodeSchema(const TableSchema& schema) {
  Json columns = Json::array();
  for (const Column& c : schema.columns) {
    columns.push_back(Json::array({c.name, c.nullable, c.source_type}));
  }
  const Json json = {
      {"table", Json::array({schema.id.database, schema.id.schema, schema.id.table})},
      {"columns", std::move(columns)},
      {"key", schema.key}};
  auto types = arrow::ipc::SerializeSchema(*schema.arrow);
  if (!types.ok()) return Status::Bug("a schema's types: " + types.status().ToString());
  const std::string text = DumpJsonLossy(json);
  std::string out;
  const auto size = static_cast<uint32_t>(text.size());
  for (int i = 0; i < 4; i++) out += static_cast<char>(size >> (8 * i));
  out += text;
  out += std::string_view(**types);
  return out;
}

Result<SchemaRef> DecodeSchema(std::string_view bytes) {
  ByteReader in(bytes);
  const std::string_view text = in.Bytes(in.U32());
  const std::string_view types = in.Bytes(in.left());
  if (in.failed()) return DamagedSchema("it is cut off");
  arrow::io::BufferReader reader(std::make_shared<arrow::Buffer>(types));
  arrow::ipc::DictionaryMemo memo;
  auto schema = arrow::ipc::ReadSchema(&reader, &memo);
  if (!schema.ok()) return DamagedSchema(schema.status().ToString());
  try {
    return Build(ParseJson<Json>(text), **schema);
  } catch (const nlohmann::json::exception& e) {
    return DamagedSchema(e.what());
  }
}

std::string SchemaHash(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  std::string out;
  for (const uint64_t half : {hash.high64, hash.low64}) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      out += "0123456789abcdef"[half >> shift & 15];
    }
  }
  return out;
}

}  // namespace leat
