#include "format/debezium/schema.h"

#include <fmt/format.h>

#include "format/json/text.h"

namespace leat::debezium {
namespace {

// {"type":T,"optional":O,"field":F},
std::string FieldJson(std::string_view type, bool optional, std::string_view field) {
  return fmt::format(R"({{"type":"{}","optional":{},"field":"{}"}},)", type, optional,
                     field);
}

std::string SourceSchema(std::string_view connector) {
  return R"({"type":"struct","fields":[)" + FieldJson("string", false, "version") +
         FieldJson("string", false, "connector") + FieldJson("string", false, "name") +
         FieldJson("int64", false, "ts_ms") +
         R"({"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,)"
         R"("parameters":{"allowed":"true,first,first_in_data_collection,)"
         R"(last_in_data_collection,last,false,incremental"},"default":"false",)"
         R"("field":"snapshot"},)" +
         FieldJson("string", false, "db") + FieldJson("string", true, "sequence") +
         FieldJson("int64", true, "ts_us") + FieldJson("int64", true, "ts_ns") +
         FieldJson("string", true, "table") + FieldJson("int64", false, "server_id") +
         FieldJson("string", true, "gtid") + FieldJson("string", false, "file") +
         FieldJson("int64", false, "pos") + FieldJson("int32", false, "row") +
         FieldJson("int64", true, "thread") +
         fmt::format(R"({{"type":"string","optional":true,"field":"query"}}],)"
                     R"("optional":false,"name":"io.debezium.connector.{}.Source",)"
                     R"("version":1,"field":"source"}},)",
                     connector);
}

}  // namespace

std::string StructSchema(const std::vector<ConnectColumn>& columns, std::string_view name,
                         bool optional, std::string_view field) {
  std::string out = R"({"type":"struct","fields":[)";
  for (size_t i = 0; i < columns.size(); i++) {
    if (i > 0) out += ',';
    out += columns[i].schema + ",\"field\":" + json::Quoted(columns[i].field.name) + "}";
  }
  out += fmt::format(R"(],"optional":{},"name":{})", optional, json::Quoted(name));
  if (!field.empty()) out += fmt::format(R"(,"field":"{}")", field);
  return out + "}";
}

std::string EnvelopeSchema(const std::vector<ConnectColumn>& columns,
                           std::string_view topic, std::string_view connector) {
  const std::string value = std::string(topic) + ".Value";
  return R"({"type":"struct","fields":[)" + StructSchema(columns, value, true, "before") +
         "," + StructSchema(columns, value, true, "after") + "," +
         SourceSchema(connector) + R"({"type":"struct","fields":[)" +
         FieldJson("string", false, "id") + FieldJson("int64", false, "total_order") +
         R"({"type":"int64","optional":false,"field":"data_collection_order"}],)"
         R"("optional":true,"name":"event.block","version":1,"field":"transaction"},)" +
         FieldJson("string", false, "op") + FieldJson("int64", true, "ts_ms") +
         FieldJson("int64", true, "ts_us") +
         R"({"type":"int64","optional":true,"field":"ts_ns"}],"optional":false,"name":)" +
         json::Quoted(std::string(topic) + ".Envelope") + R"(,"version":2})";
}

std::string_view TransactionKeySchema() {
  return R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],)"
         R"("optional":false,"name":"io.debezium.connector.common.TransactionMetadataKey",)"
         R"("version":1})";
}

std::string_view TransactionValueSchema() {
  return R"({"type":"struct","fields":[)"
         R"({"type":"string","optional":false,"field":"status"},)"
         R"({"type":"string","optional":false,"field":"id"},)"
         R"({"type":"int64","optional":true,"field":"event_count"},)"
         R"({"type":"array","items":{"type":"struct","fields":[)"
         R"({"type":"string","optional":false,"field":"data_collection"},)"
         R"({"type":"int64","optional":false,"field":"event_count"}],)"
         R"("optional":true,"name":"event.collection","version":1},)"
         R"("optional":true,"field":"data_collections"},)"
         R"({"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,)"
         R"("name":"io.debezium.connector.common.TransactionMetadataValue","version":1})";
}

std::string_view HeartbeatKeySchema() {
  return R"({"type":"struct","fields":[)"
         R"({"type":"string","optional":false,"field":"serverName"}],)"
         R"("optional":false,"name":"io.debezium.connector.common.ServerNameKey",)"
         R"("version":1})";
}

std::string_view HeartbeatValueSchema() {
  return R"({"type":"struct","fields":[)"
         R"({"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,)"
         R"("name":"io.debezium.connector.common.Heartbeat","version":1})";
}

std::string SchemaChangeKeySchema(std::string_view connector) {
  return fmt::format(
      R"({{"type":"struct","fields":[)"
      R"({{"type":"string","optional":false,"field":"databaseName"}}],)"
      R"("optional":false,"name":"io.debezium.connector.{}.SchemaChangeKey",)"
      R"("version":1}})",
      connector);
}

std::string SchemaChangeValueSchema(std::string_view connector) {
  constexpr std::string_view kTexts =
      R"({"type":"array","items":{"type":"string","optional":false},"optional":true,)"
      R"("field":")";
  const std::string column =
      R"({"type":"struct","fields":[)" + FieldJson("string", false, "name") +
      FieldJson("int32", false, "jdbcType") + FieldJson("int32", true, "nativeType") +
      FieldJson("string", false, "typeName") +
      FieldJson("string", true, "typeExpression") +
      FieldJson("string", true, "charsetName") + FieldJson("int32", true, "length") +
      FieldJson("int32", true, "scale") + FieldJson("int32", false, "position") +
      FieldJson("boolean", true, "optional") +
      FieldJson("boolean", true, "autoIncremented") +
      FieldJson("boolean", true, "generated") + FieldJson("string", true, "comment") +
      FieldJson("string", true, "defaultValueExpression") + std::string(kTexts) +
      R"(enumValues"}],"optional":false,)"
      R"("name":"io.debezium.connector.schema.Column","version":1})";
  const std::string table =
      R"({"type":"struct","fields":[)" + FieldJson("string", true, "defaultCharsetName") +
      std::string(kTexts) + R"(primaryKeyColumnNames"},{"type":"array","items":)" +
      column + R"(,"optional":false,"field":"columns"},)" +
      R"({"type":"string","optional":true,"field":"comment"}],"optional":true,)"
      R"("name":"io.debezium.connector.schema.Table","version":1,"field":"table"})";
  return R"({"type":"struct","fields":[)" + SourceSchema(connector) +
         FieldJson("int64", false, "ts_ms") + FieldJson("string", true, "databaseName") +
         FieldJson("string", true, "schemaName") + FieldJson("string", true, "ddl") +
         R"({"type":"array","items":{"type":"struct","fields":[)" +
         FieldJson("string", false, "type") + FieldJson("string", false, "id") + table +
         R"(],"optional":false,"name":"io.debezium.connector.schema.Change",)"
         R"("version":1},"optional":false,"field":"tableChanges"}],"optional":false,)"
         R"("name":"io.debezium.connector.)" +
         std::string(connector) + R"(.SchemaChangeValue","version":1})";
}

}  // namespace leat::debezium
