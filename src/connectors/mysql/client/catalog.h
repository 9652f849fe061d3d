// What a server's information_schema says of the tables a pipeline follows: which tables
// the patterns name, their columns and keys. Views are not followed. Borrows the client
// for the call. Errors: kConfig for a pattern that names nothing, with the nearest name;
// else as Client's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/values/column.h"

namespace leat::mysql {

class Client;

// The `tables` of a pipeline file: `table` (in the url's database), `database.table`; *
// stands for any characters, ? for one. A value.
class TablePatterns {
 public:
  static Result<TablePatterns> Parse(const std::vector<std::string>& patterns,
                                     const std::string& default_database);
  bool Matches(std::string_view database, std::string_view table) const;
  bool Matches(const TableId& id) const { return Matches(id.database, id.table); }

  struct Pattern {
    std::string text;  // as the user wrote it
    std::string database;
    std::string table;
  };
  const std::vector<Pattern>& patterns() const { return patterns_; }

 private:
  std::vector<Pattern> patterns_;
};

// Glob with * and ?; everything else is itself.
bool MatchesPattern(std::string_view pattern, std::string_view name);

// A column of the key by which a table is read in order.
struct KeyColumn {
  int column = 0;       // position in the table's columns
  std::string charset;  // of text: information_schema's names
  std::string collation;

  bool operator==(const KeyColumn&) const = default;
};

struct CatalogTable {
  TableDef def;       // its key: the primary key, else the first unique key without NULLs
  std::string index;  // the key's index; empty: no key
  // The key's columns where the index holds them whole, and their values can be written
  // as literals that compare as stored. Empty: the table is read in one go.
  std::vector<KeyColumn> order;
  std::vector<KeyColumn> orderable;  // every column whose values make such literals
  std::string engine;
  int64_t rows = 0;       // an estimate
  int64_t row_bytes = 0;  // average; an estimate

  const KeyColumn* FindOrderable(std::string_view column) const;  // nullptr: none
  bool transactional() const { return engine == "InnoDB" || engine == "ROCKSDB"; }
  // Same columns and key; estimates may differ.
  bool SameShape(const CatalogTable& other) const;
};

// What a question to information_schema asks of one table's rows.
std::string OnlyTable(const TableId& id);

// Every table that a pattern names, by database and name.
Result<std::vector<CatalogTable>> FindTables(Client* client,
                                             const TablePatterns& patterns);
// Nothing when there is no such table (or nobody may see it).
Result<std::optional<CatalogTable>> DescribeTable(Client* client, const TableId& id);

}  // namespace leat::mysql
