#include "connectors/mysql/client/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "connectors/mysql/client/client.h"
#include "core/suggest.h"

namespace leat::mysql {
namespace {

constexpr std::string_view kWildcards = "*?";

bool HasWildcard(std::string_view text) {
  return text.find_first_of(kWildcards) != std::string_view::npos;
}

bool IsSystemDatabase(std::string_view name) {
  return name == "mysql" || name == "information_schema" ||
         name == "performance_schema" || name == "sys";
}

const std::string& TextOrEmpty(const std::optional<std::string>& value) {
  static const std::string empty;
  return value ? *value : empty;
}

int64_t NumberOr(const std::optional<std::string>& value, int64_t otherwise) {
  if (!value) return otherwise;
  int64_t number = 0;
  auto [end, error] =
      std::from_chars(value->data(), value->data() + value->size(), number);
  return error == std::errc() ? number : otherwise;
}

// "TABLE_SCHEMA = 'a' AND TABLE_NAME = 'b'" makes the server open that table alone.
struct IndexPart {
  std::string column;
  bool nullable = false;
  bool prefix = false;  // the index holds the value's beginning only
};
using Indexes = std::map<std::string, std::vector<IndexPart>>;  // unique ones

// The primary key, else the first unique one whose columns cannot be NULL.
const std::pair<const std::string, std::vector<IndexPart>>* ChooseKey(
    const Indexes& indexes) {
  auto primary = indexes.find("PRIMARY");
  if (primary != indexes.end()) return &*primary;
  for (const auto& index : indexes) {
    bool nullable = std::any_of(index.second.begin(), index.second.end(),
                                [](const IndexPart& p) { return p.nullable; });
    if (!nullable) return &index;
  }
  return nullptr;
}

// Types whose text compares, as a literal, exactly as the stored value does.
bool CanOrderBy(const ColumnDef& column) {
  switch (column.type) {
    case Type::kFloat:  // its text is rounded
    case Type::kJson:
    case Type::kGeometry:
    case Type::kVector:
    case Type::kTypedArray:
    case Type::kCompressedBlob:
    case Type::kCompressedVarchar: return false;
    default: return true;
  }
}

struct ColumnRow {
  InformationSchemaColumn column;
  std::string charset;
};

Result<std::map<TableId, std::vector<ColumnRow>>> ReadColumnRows(
    Client* client, const std::string& where) {
  ASSIGN_OR_RETURN(
      Rows rows,
      client->Query("SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, "
                    "COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, CHARACTER_OCTET_LENGTH, "
                    "CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE " +
                    where + " ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"));
  std::map<TableId, std::vector<ColumnRow>> columns;
  for (const Row& row : rows) {
    ColumnRow one;
    one.column.name = TextOrEmpty(row[2]);
    one.column.data_type = TextOrEmpty(row[3]);
    one.column.column_type = TextOrEmpty(row[4]);
    one.column.collation = TextOrEmpty(row[5]);
    one.column.nullable = TextOrEmpty(row[6]) == "YES";
    one.column.octet_length = NumberOr(row[7], -1);
    one.charset = TextOrEmpty(row[8]);
    columns[{TextOrEmpty(row[0]), "", TextOrEmpty(row[1])}].push_back(std::move(one));
  }
  return columns;
}

Result<std::map<TableId, Indexes>> ReadIndexes(Client* client, const std::string& where) {
  ASSIGN_OR_RETURN(
      Rows rows,
      client->Query("SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, NULLABLE, "
                    "SUB_PART FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 "
                    "AND " +
                    where +
                    " ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, "
                    "SEQ_IN_INDEX"));
  std::map<TableId, Indexes> indexes;
  for (const Row& row : rows) {
    // An expression in an index has no column: such an index is no key.
    IndexPart part{TextOrEmpty(row[3]), TextOrEmpty(row[4]) == "YES" || !row[3],
                   row[5].has_value()};
    indexes[{TextOrEmpty(row[0]), "", TextOrEmpty(row[1])}][TextOrEmpty(row[2])]
        .push_back(std::move(part));
  }
  return indexes;
}

void FillOrderable(const std::vector<ColumnRow>& rows, CatalogTable* table) {
  for (size_t i = 0; i < rows.size(); i++) {
    if (!CanOrderBy(table->def.columns[i])) continue;
    table->orderable.push_back(
        {static_cast<int>(i), rows[i].charset, rows[i].column.collation});
  }
}

void FillKey(const std::vector<ColumnRow>& rows, const Indexes& indexes,
             CatalogTable* table) {
  const auto* key = ChooseKey(indexes);
  if (!key) return;
  bool ordered = true;
  for (const IndexPart& part : key->second) {
    auto at = std::find_if(rows.begin(), rows.end(), [&](const ColumnRow& row) {
      return row.column.name == part.column;
    });
    if (at == rows.end()) {
      table->def.key.clear();
      table->order.clear();
      return;
    }
    auto position = static_cast<int>(at - rows.begin());
    table->def.key.push_back(position);
    table->order.push_back({position, at->charset, at->column.collation});
    const ColumnDef& column = table->def.columns[static_cast<size_t>(position)];
    ordered = ordered && !part.prefix && CanOrderBy(column);
  }
  table->index = key->first;
  if (!ordered) table->order.clear();
}

struct TableRow {
  TableId id;
  std::string engine;
  int64_t rows = 0;
  int64_t row_bytes = 0;
};

Result<std::vector<TableRow>> ReadTables(Client* client, const std::string& where) {
  ASSIGN_OR_RETURN(
      Rows rows,
      client->Query("SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE, TABLE_ROWS, AVG_ROW_LENGTH "
                    "FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', "
                    "'SYSTEM VERSIONED') AND " +
                    where + " ORDER BY TABLE_SCHEMA, TABLE_NAME"));
  std::vector<TableRow> tables;
  for (const Row& row : rows) {
    tables.push_back({{TextOrEmpty(row[0]), "", TextOrEmpty(row[1])},
                      TextOrEmpty(row[2]),
                      NumberOr(row[3], 0),
                      NumberOr(row[4], 0)});
  }
  return tables;
}

Result<std::vector<CatalogTable>> Describe(Client* client,
                                           const std::vector<TableRow>& rows,
                                           const std::string& where) {
  ASSIGN_OR_RETURN(auto columns, ReadColumnRows(client, where));
  ASSIGN_OR_RETURN(auto indexes, ReadIndexes(client, where));
  Flavor flavor = client->server().mariadb ? Flavor::kMariaDb : Flavor::kMySql;
  std::vector<CatalogTable> tables;
  for (const TableRow& row : rows) {
    CatalogTable table;
    table.def.id = row.id;
    table.engine = row.engine;
    table.rows = row.rows;
    table.row_bytes = row.row_bytes;
    const std::vector<ColumnRow>& described = columns[row.id];
    for (const ColumnRow& column : described) {
      Result<ColumnDef> def = FromInformationSchema(column.column, flavor);
      if (!def.ok()) return def.status().Within("table " + row.id.ToString());
      table.def.columns.push_back(*std::move(def));
    }
    FillOrderable(described, &table);
    FillKey(described, indexes[row.id], &table);
    tables.push_back(std::move(table));
  }
  return tables;
}

Status NothingMatches(Client* client, const TablePatterns::Pattern& pattern,
                      const std::vector<TableRow>& seen) {
  std::string what = fmt::format("`tables` names \"{}\", but ", pattern.text);
  if (!HasWildcard(pattern.database)) {
    ASSIGN_OR_RETURN(Rows rows, client->Query("SHOW DATABASES"));
    std::vector<std::string> names;
    for (const Row& row : rows) names.push_back(TextOrEmpty(row[0]));
    if (std::find(names.begin(), names.end(), pattern.database) == names.end()) {
      return Status::Config(fmt::format(
          "{}{} has no database \"{}\" that the user may see; {}; if it is there, run "
          "GRANT SELECT ON {}.* TO {}@'%'",
          what, client->url().Where(), pattern.database,
          Suggest(pattern.database, names, "there are"), pattern.database,
          client->url().user));
    }
  }
  std::vector<std::string> names;
  for (const TableRow& row : seen) {
    if (MatchesPattern(pattern.database, row.id.database)) names.push_back(row.id.table);
  }
  if (names.empty()) {
    return Status::Config(fmt::format(
        "{}the user sees no table in database \"{}\": is it empty, or is GRANT SELECT ON "
        "`{}`.* TO {}@'%' missing?",
        what, pattern.database, pattern.database, client->url().user));
  }
  return Status::Config(
      fmt::format("{}no table matches that (views are not followed); {}", what,
                  Suggest(pattern.table, names, "there are")));
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      p++;
      n++;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

Result<TablePatterns> TablePatterns::Parse(const std::vector<std::string>& patterns,
                                           const std::string& default_database) {
  TablePatterns parsed;
  for (const std::string& text : patterns) {
    size_t dot = text.find('.');
    Pattern pattern;
    pattern.text = text;
    pattern.database = dot == std::string::npos ? default_database : text.substr(0, dot);
    pattern.table = dot == std::string::npos ? text : text.substr(dot + 1);
    if (pattern.table.empty() || (dot != std::string::npos && dot == 0)) {
      return Status::Config(fmt::format(
          "`tables` has \"{}\", which is neither table nor database.table", text));
    }
    if (pattern.database.empty()) {
      return Status::Config(
          fmt::format("`tables` has \"{}\" without a database, and the "
                      "url names none: write database.{}",
                      text, text));
    }
    parsed.patterns_.push_back(std::move(pattern));
  }
  if (parsed.patterns_.empty()) {
    return Status::Config("`tables` is empty: name at least one table");
  }
  return parsed;
}

bool TablePatterns::Matches(std::string_view database, std::string_view table) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
    if (!MatchesPattern(pattern.table, table)) return false;
    // A * does not reach into the server's own databases.
    if (HasWildcard(pattern.database) && IsSystemDatabase(database)) return false;
    return MatchesPattern(pattern.database, database);
  });
}

const KeyColumn* CatalogTable::FindOrderable(std::string_view column) const {
  for (const KeyColumn& key : orderable) {
    if (def.columns[static_cast<size_t>(key.column)].name == column) return &key;
  }
  return nullptr;
}

bool CatalogTable::SameShape(const CatalogTable& other) const {
  return def == other.def && index == other.index && order == other.order &&
         engine == other.engine;
}

std::string OnlyTable(const TableId& id) {
  return fmt::format("TABLE_SCHEMA = {} AND TABLE_NAME = {}", QuoteText(id.database),
                     QuoteText(id.table));
}

Result<std::vector<CatalogTable>> FindTables(Client* client,
                                             const TablePatterns& patterns) {
  std::string databases;
  for (const TablePatterns::Pattern& pattern : patterns.patterns()) {
    if (HasWildcard(pattern.database)) {
      databases.clear();
      break;
    }
    databases += (databases.empty() ? "TABLE_SCHEMA IN (" : ", ");
    databases += QuoteText(pattern.database);
  }
  databases = databases.empty() ? "TABLE_SCHEMA NOT IN ('mysql', 'information_schema', "
                                  "'performance_schema', 'sys')"
                                : databases + ")";
  ASSIGN_OR_RETURN(std::vector<TableRow> seen, ReadTables(client, databases));
  for (const TablePatterns::Pattern& pattern : patterns.patterns()) {
    bool found = std::any_of(seen.begin(), seen.end(), [&](const TableRow& row) {
      return MatchesPattern(pattern.database, row.id.database) &&
             MatchesPattern(pattern.table, row.id.table);
    });
    if (!found) return NothingMatches(client, pattern, seen);
  }
  std::erase_if(seen, [&](const TableRow& row) { return !patterns.Matches(row.id); });
  if (seen.size() == 1) return Describe(client, seen, OnlyTable(seen.front().id));
  return Describe(client, seen, databases);
}

Result<std::optional<CatalogTable>> DescribeTable(Client* client, const TableId& id) {
  std::string where = OnlyTable(id);
  ASSIGN_OR_RETURN(std::vector<TableRow> rows, ReadTables(client, where));
  // Names may compare without regard to case in information_schema.
  std::erase_if(rows, [&](const TableRow& row) { return row.id != id; });
  if (rows.empty()) return std::optional<CatalogTable>();
  ASSIGN_OR_RETURN(std::vector<CatalogTable> tables, Describe(client, rows, where));
  return std::optional<CatalogTable>(std::move(tables.front()));
}

}  // namespace leat::mysql
