#include "connectors/mysql/sink/target_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "connectors/mysql/client/client.h"

namespace leat::mysql {
namespace {

std::string Text(const std::optional<std::string>& value) { return value.value_or(""); }

int Number(const std::optional<std::string>& value) {
  int number = 0;
  if (value) std::from_chars(value->data(), value->data() + value->size(), number);
  return number;
}

// Conditions on the names make the server look at that table alone.
std::string Only(const TableId& id, std::string_view prefix = "") {
  return fmt::format("{0}TABLE_SCHEMA = {1} AND {0}TABLE_NAME = {2}", prefix,
                     QuoteText(id.database), QuoteText(id.table));
}

Status LoadColumns(Client* client, TargetTable* table) {
  ASSIGN_OR_RETURN(
      Rows rows,
      client->Query("SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COLLATION_NAME, "
                    "IS_NULLABLE, COLUMN_DEFAULT IS NOT NULL, EXTRA, "
                    "GENERATION_EXPRESSION, DATETIME_PRECISION, NUMERIC_SCALE FROM "
                    "information_schema.COLUMNS WHERE " +
                    Only(table->id) + " ORDER BY ORDINAL_POSITION"));
  for (const Row& row : rows) {
    TargetColumn column;
    column.name = Text(row[0]);
    column.data_type = Text(row[1]);
    column.column_type = Text(row[2]);
    column.collation = Text(row[3]);
    column.nullable = Text(row[4]) == "YES";
    const std::string extra = Text(row[6]);
    column.has_default =
        Text(row[5]) == "1" || extra.find("auto_increment") != std::string::npos;
    column.generated = !Text(row[7]).empty();
    column.fraction = Number(row[8]);
    column.scale = Number(row[9]);
    table->columns.push_back(std::move(column));
  }
  return Status::Ok();
}

Status LoadUnique(Client* client, TargetTable* table) {
  ASSIGN_OR_RETURN(
      Rows rows, client->Query("SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM "
                               "information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND " +
                               Only(table->id) + " ORDER BY INDEX_NAME, SEQ_IN_INDEX"));
  for (const Row& row : rows) {
    table->unique[Text(row[0])].push_back(row[2] ? "" : Text(row[1]));
  }
  return Status::Ok();
}

Status LoadForeignKeys(Client* client, TargetTable* table) {
  for (const std::string& where :
       {Only(table->id) + " AND REFERENCED_TABLE_NAME IS NOT NULL",
        Only(table->id, "REFERENCED_")}) {
    ASSIGN_OR_RETURN(Rows rows,
                     client->Query("SELECT 1 FROM information_schema.KEY_COLUMN_USAGE "
                                   "WHERE " +
                                   where + " LIMIT 1"));
    table->foreign_keys = table->foreign_keys || !rows.empty();
  }
  return Status::Ok();
}

}  // namespace

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<uint8_t>(x)) == std::tolower(static_cast<uint8_t>(y));
  });
}

const TargetColumn* TargetTable::Find(std::string_view name) const {
  for (const TargetColumn& column : columns) {
    if (SameName(column.name, name)) return &column;
  }
  return nullptr;
}

Result<std::optional<TargetTable>> LoadTarget(Client* client, const TableId& id) {
  ASSIGN_OR_RETURN(
      Rows rows,
      client->Query("SELECT ENGINE, TABLE_COMMENT FROM information_schema.TABLES WHERE " +
                    Only(id)));
  if (rows.empty()) return std::optional<TargetTable>();
  TargetTable table;
  table.id = id;
  const std::string engine = Text(rows[0][0]);
  table.ours = Text(rows[0][1]) == kOurComment;
  table.transactional = engine == "InnoDB" || engine == "ROCKSDB";
  RETURN_IF_ERROR(LoadColumns(client, &table));
  RETURN_IF_ERROR(LoadUnique(client, &table));
  RETURN_IF_ERROR(LoadForeignKeys(client, &table));
  return std::optional(std::move(table));
}

}  // namespace leat::mysql
