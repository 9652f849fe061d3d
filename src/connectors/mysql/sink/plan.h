// TablePlan: how rows of one source table in one shape are written into its target: the
// statements and what is bound to them. Constant once made, shared by the writers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/sink/options.h"
#include "connectors/mysql/sink/shape.h"
#include "connectors/mysql/sink/target_table.h"

namespace leat::mysql {

// A statement for any number of rows: head, the row's part as often as there are rows,
// tail.
struct RowSql {
  std::string head;
  std::string row;
  std::string separator;
  std::string tail;
  std::vector<int> columns;  // of the source, one for each parameter of a row
  int most_rows = 0;         // of one statement without array binding
};

enum class Change : uint8_t { kInsert, kUpsert, kDelete };

struct TablePlan {
  // kConfig: the table cannot be written in this mode; says why and what to do.
  static Result<std::shared_ptr<const TablePlan>> Make(const SinkOptions& options,
                                                       const Shape& shape,
                                                       const TargetTable& target,
                                                       const ServerInfo& server);

  const RowSql& sql(Change change) const {
    return change == Change::kInsert   ? insert
           : change == Change::kUpsert ? upsert
                                       : remove;
  }
  const TargetColumn& ColumnOf(int source) const {
    return *target.Find(shape.names[static_cast<size_t>(source)]);
  }

  Shape shape;
  TargetTable target;
  std::string name;  // quoted
  RowSql insert;
  RowSql upsert;
  RowSql remove;
  // A row could collide with another by a second unique key, which an upsert would then
  // change: the old rows of all keys go first, and the new ones are inserted.
  bool replace = false;
  // Foreign keys are checked: rows go one after the other as at the source.
  bool ordered = false;
};

}  // namespace leat::mysql
