// What a source's table looks like in the target: names, key and SQL types of its
// columns, and the statements that make a table so or follow a change of it. Pure
// functions and values. Errors: kConfig, for a column or key that cannot be had.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/sink/options.h"
#include "connectors/mysql/sink/target_table.h"
#include "data/schema.h"

namespace leat::mysql {

struct Shape {
  SchemaRef source;
  std::vector<std::string> names;  // in the target, one for each column
  std::vector<int> key;            // positions; empty with `mode: insert` without `key`

  std::map<std::string, std::string> renames;  // SinkOptions::columns

  static Result<Shape> Make(const SinkOptions& options, const SchemaRef& source);
  // What a column of the source is called in the target.
  const std::string& NameOf(const std::string& column) const;
  std::vector<std::string> KeyNames() const;
};

// The SQL type of a column there: the source's own where that is a MySQL or MariaDB too,
// else by the Arrow type. Text that is a key compares byte by byte.
Result<std::string> TypeSql(const TableSchema& schema, const Column& column, bool key,
                            const ServerInfo& server);

Result<std::string> CreateTableSql(const TableId& target, const Shape& shape,
                                   const ServerInfo& server);

// What has to be done so that `target` takes rows of `now`: columns added, renamed
// (`renamed_from` as Event has it, may be empty), widened, and freed of NOT NULL when the
// source has them no more. `before` may be null. Tables that users made are widened only
// where the source's own type changed.
Result<std::vector<std::string>> AlterTableSql(
    const TargetTable& target, const Shape* before, const Shape& now,
    const std::vector<std::string>& renamed_from, const ServerInfo& server);

// Every value of `from` is one of `to`, and they differ.
bool IsWider(std::string_view from, std::string_view to);

}  // namespace leat::mysql
