// A table of the target server, as its information_schema has it: what can be written
// into it, and what a row can collide with. A value. Loading borrows the client for the
// call; errors as Client's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/schema.h"

namespace leat::mysql {

class Client;

struct TargetColumn {
  std::string name;
  std::string data_type;    // "varchar", lower case
  std::string column_type;  // "varchar(20)"
  std::string collation;
  bool nullable = true;
  bool has_default = false;  // or counts up by itself
  bool generated = false;
  int fraction = 0;  // digits of a second
  int scale = 0;     // of a DECIMAL
};

struct TargetTable {
  TableId id;
  std::vector<TargetColumn> columns;
  // The columns of each unique index; "" for an expression or the beginning of a value.
  std::map<std::string, std::vector<std::string>> unique;
  bool foreign_keys = false;   // it refers to others, or others to it
  bool transactional = false;  // its engine can roll back
  bool ours = false;           // made here, from a source's schema

  // Names compare without regard to case, as on the server. nullptr: none.
  const TargetColumn* Find(std::string_view name) const;
};

// The comment of tables made here.
inline constexpr std::string_view kOurComment = "made by leat";

bool SameName(std::string_view a, std::string_view b);

// The tables of a database that foreign keys refer to; on MariaDB those of the same
// database.
Result<std::vector<std::string>> LoadReferenced(Client* client,
                                                const std::string& database);

// Nothing when there is no such table. Of foreign keys those of the table itself.
Result<std::optional<TargetTable>> LoadTarget(Client* client, const TableId& id);

}  // namespace leat::mysql
