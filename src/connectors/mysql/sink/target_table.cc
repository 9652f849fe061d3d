#include "connectors/mysql/sink/target_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "connectors/mysql/client/catalog.h"
#include "connectors/mysql/client/client.h"

namespace leat::mysql {
namespace {

std::string TextOf(const std::optional<std::string>& value) { return value.value_or(""); }

int NumberOrZero(const std::optional<std::string>& value) {
  int number = 0;
  if (value) std::from_chars(value->data(), value->data() + value->size(), number);
  return number;
}

// Conditions on the names make the server look at that table alone.
// One round trip: a start reads many tables. Each answers rows.
std::string Queries(const TableId& id) {
  const std::string only = OnlyTable(id);
  return fmt::format(
      "SELECT ENGINE, TABLE_COMMENT FROM information_schema.TABLES WHERE {0};"
      "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, "
      "COLUMN_DEFAULT IS NOT NULL, EXTRA, GENERATION_EXPRESSION, DATETIME_PRECISION, "
      "NUMERIC_SCALE FROM information_schema.COLUMNS WHERE {0} ORDER BY "
      "ORDINAL_POSITION;"
      "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS "
      "WHERE NON_UNIQUE = 0 AND {0} ORDER BY INDEX_NAME, SEQ_IN_INDEX;"
      "SELECT 1 FROM information_schema.KEY_COLUMN_USAGE WHERE {0} AND "
      "REFERENCED_TABLE_NAME IS NOT NULL LIMIT 1",
      only);
}

TargetColumn ColumnOf(const Row& row) {
  TargetColumn column;
  column.name = TextOf(row[0]);
  column.data_type = TextOf(row[1]);
  column.column_type = TextOf(row[2]);
  column.collation = TextOf(row[3]);
  column.nullable = TextOf(row[4]) == "YES";
  const std::string extra = TextOf(row[6]);
  column.has_default =
      TextOf(row[5]) == "1" || extra.find("auto_increment") != std::string::npos;
  column.generated = !TextOf(row[7]).empty();
  column.fraction = NumberOrZero(row[8]);
  column.scale = NumberOrZero(row[9]);
  return column;
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
  ASSIGN_OR_RETURN(std::vector<Rows> found, client->QueryMany(Queries(id)));
  if (found.size() != 4) return Status::Bug("a query answered nothing");
  const Rows& self = found[0];
  if (self.empty()) return std::optional<TargetTable>();
  TargetTable table;
  table.id = id;
  const std::string engine = TextOf(self[0][0]);
  table.ours = TextOf(self[0][1]) == kOurComment;
  table.transactional = engine == "InnoDB" || engine == "ROCKSDB";
  for (const Row& row : found[1]) table.columns.push_back(ColumnOf(row));
  for (const Row& row : found[2]) {
    table.unique[TextOf(row[0])].push_back(row[2] ? "" : TextOf(row[1]));
  }
  table.foreign_keys = !found[3].empty();
  return std::optional(std::move(table));
}

Result<std::vector<std::string>> LoadReferenced(Client* client,
                                                const std::string& database) {
  const std::string quoted = QuoteText(database);
  // MariaDB opens every table that it is asked about, and all there are otherwise. Its
  // REFERENTIAL_CONSTRAINTS hide the names from accounts with few privileges.
  const std::string where =
      client->server().mariadb ? " AND TABLE_SCHEMA = " + quoted : std::string();
  ASSIGN_OR_RETURN(Rows rows, client->Query("SELECT DISTINCT REFERENCED_TABLE_NAME FROM "
                                            "information_schema.KEY_COLUMN_USAGE WHERE "
                                            "REFERENCED_TABLE_SCHEMA = " +
                                            quoted + where));
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(TextOf(row[0]));
  return names;
}

}  // namespace leat::mysql
