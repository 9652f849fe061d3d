#include "format/debezium/schema_change.h"

#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "format/debezium/source_type.h"
#include "format/json/text.h"

namespace leat::debezium {
namespace {

using Change = Event::Change;

// java.sql.Types, by the name of the type.
struct JdbcType {
  std::string_view name;
  int code;
};
constexpr JdbcType kJdbcTypes[] = {
    {"tinyint", 5},     {"smallint", 5},    {"mediumint", 4}, {"int", 4},
    {"bigint", -5},     {"float", 6},       {"double", 8},    {"decimal", 3},
    {"year", 4},        {"date", 91},       {"datetime", 93}, {"timestamp", 2014},
    {"time", 92},       {"char", 1},        {"varchar", 12},  {"tinytext", 12},
    {"text", 12},       {"mediumtext", 12}, {"longtext", 12}, {"binary", -2},
    {"varbinary", -3},  {"tinyblob", 2004}, {"blob", 2004},   {"mediumblob", 2004},
    {"longblob", 2004}, {"enum", 1},        {"set", 1},       {"bit", -7}};
constexpr int kOther = 1111;

int JdbcCode(std::string_view name) {
  const auto* found = std::ranges::find(kJdbcTypes, name, &JdbcType::name);
  return found == std::end(kJdbcTypes) ? kOther : found->code;
}

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

// As SQL has it.
std::string InQuotes(std::string_view label) {
  std::string out = "'";
  for (const char c : label) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::string TextOrNull(const std::string& text) {
  return text.empty() ? "null" : json::Quoted(text);
}

std::string Fact(const Event& event, const std::string& name) {
  const auto facts = event.meta ? event.meta->schema()->metadata() : nullptr;
  return facts ? facts->Get(name).ValueOr("") : "";
}

bool HasFact(const Event& event, const std::string& name) {
  const auto facts = event.meta ? event.meta->schema()->metadata() : nullptr;
  return facts && facts->Contains(name);
}

std::string ColumnText(const Event& event, const Column& column, size_t position) {
  const SourceType type = ParseSourceType(column.source_type);
  const std::string name = Upper(type.name) + (type.is_unsigned ? " UNSIGNED" : "");
  const auto number = [](int value) {
    return value > 0 ? std::to_string(value) : std::string("null");
  };
  std::string length = number(type.first);
  std::string labels = "null";
  if (type.name == "enum" || type.name == "set") {
    const std::vector<std::string> all = LabelsOf(column.source_type);
    labels.clear();
    for (const std::string& label : all) {
      labels += (labels.empty() ? "[" : ",") + json::Quoted(InQuotes(label));
    }
    labels += "]";
    // As many characters as a value may have that has one for each label.
    length = std::to_string(type.name == "enum" ? 1 : 2 * all.size() - 1);
  }
  const std::string scale = type.name == "decimal" ? std::to_string(type.second) : "null";
  return fmt::format(
      R"({{"name":{},"jdbcType":{},"nativeType":null,"typeName":{},"typeExpression":{},)"
      R"("charsetName":{},"length":{},"scale":{},"position":{},"optional":{},)"
      R"("autoIncremented":null,"generated":null,"comment":null,)"
      R"("defaultValueExpression":null,"enumValues":{}}})",
      json::Quoted(column.name), JdbcCode(type.name), json::Quoted(name),
      json::Quoted(name), TextOrNull(Fact(event, "charset:" + column.name)), length,
      scale, position, !HasFact(event, "not_null:" + column.name), labels);
}

std::string TableText(const Event& event) {
  const TableSchema& schema = *event.schema;
  std::string key;
  for (const int i : schema.key) {
    key += (key.empty() ? "" : ",") +
           json::Quoted(schema.columns[static_cast<size_t>(i)].name);
  }
  std::string columns;
  for (size_t i = 0; i < schema.columns.size(); i++) {
    columns += (i > 0 ? "," : "") + ColumnText(event, schema.columns[i], i + 1);
  }
  return fmt::format(
      R"({{"defaultCharsetName":null,"primaryKeyColumnNames":[{}],"columns":[{}],)"
      R"("comment":null}})",
      key, columns);
}

// "database"."table"
std::string IdText(const TableId& table) {
  return json::Quoted(fmt::format("\"{}\".\"{}\"", table.database, table.table));
}

// The shape of a table is known once rows have it; a statement alone tells of drops.
std::string ChangesText(const Event& event) {
  std::string_view type;
  std::string table = "null";
  if (event.kind == Event::Kind::kSchema) {
    type = event.change == Change::kCreate ? "CREATE" : "ALTER";
    table = TableText(event);
  } else if (event.change == Change::kDrop) {
    type = "DROP";
  } else {
    return "[]";
  }
  return fmt::format(R"([{{"type":"{}","id":{},"table":{}}}])", type, IdText(event.table),
                     table);
}

}  // namespace

bool IsSchemaChange(const Event& event) {
  return event.kind == Event::Kind::kStatement ||
         (event.kind == Event::Kind::kSchema && event.change != Change::kNone);
}

std::string SchemaChangeKey(const Event& event) {
  return fmt::format(R"({{"databaseName":{}}})", json::Quoted(event.table.database));
}

std::string SchemaChangeValue(const Event& event, std::string_view source,
                              int64_t millis) {
  return fmt::format(
      R"({{"source":{},"ts_ms":{},"databaseName":{},"schemaName":null,"ddl":{},)"
      R"("tableChanges":{}}})",
      source, millis, json::Quoted(event.table.database), TextOrNull(event.statement),
      ChangesText(event));
}

}  // namespace leat::debezium
