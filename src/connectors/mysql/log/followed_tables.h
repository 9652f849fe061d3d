// The tables of a log that somebody follows: which table id means which, the shape each
// has at this place of the log, and what definition statements do to them. Owned by a
// LogStream; one thread. Errors: kConfig when the user has to act (no FULL metadata, a
// definition under `metadata: minimal`), else as TableMap's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "connectors/mysql/log/statement.h"
#include "connectors/mysql/log/table_stream.h"
#include "connectors/mysql/position.h"

namespace leat::mysql {

struct FollowOptions {
  Flavor flavor = Flavor::kMySql;
  std::function<bool(const TableId&)> follows;
  // The table as information_schema has it now; nothing when it is gone.
  std::function<Result<std::optional<TableDef>>(const TableId&)> describe;
  bool minimal_metadata = false;
  // Rows that leave a table with a partition stay in the target.
  bool keep_left_rows = false;
  Needs needs;
  ValueOptions values;
};

// A table whose rows the log does not bring.
struct SnapshotRequest {
  TableId table;
  bool refresh = false;  // over the rows that are there; else it is empty at this place
  // Without a snapshot of it the target would not be the table any more.
  bool must = false;
  std::string statement;
};

// Of names, types, character sets and key.
std::string Fingerprint(const TableDef& table);

class FollowedTables {
 public:
  // What the position keeps of definitions, by table name; see LogPosition.
  struct Pending {
    std::map<std::string, std::map<std::string, std::string>> renames;
    std::set<std::string> dropped;
    std::map<std::string, std::string> shapes;
    std::map<std::string, std::string> reshaped;
  };

  struct Table {
    TableId id;
    TableDef def;
    SchemaRef schema;
    std::unique_ptr<TableStream> stream;
    std::optional<LogPosition> floor;  // rows up to here are in the sink
  };

  FollowedTables(FollowOptions options, std::map<TableId, LogPosition> floors,
                 Pending pending, Logger* log);

  // False: the table has another shape from here on and rows of the old one in the batch;
  // call again once that batch is taken. `context`: of the event.
  Result<bool> OnTableMap(std::string_view body, const RowContext& context,
                          std::vector<Event>* events);
  // Nothing: no table map had this id; nullptr: nobody follows the table.
  std::optional<Table*> Find(uint64_t id);
  // Table ids mean nothing any more: another log file.
  void ForgetIds() {
    ids_.clear();
    recent_ = nullptr;
  }
  // No row was taken or is in a batch: shapes will be announced again.
  void Restart(Pending pending);

  // The definition does something to a followed table, so that the batch ends before it.
  bool Concerns(const Statement& statement) const;
  Status OnDefinition(const Statement& statement, std::string_view text,
                      std::vector<Event>* events);
  // With Needs::statements: that a definition names followed tables, one event for each;
  // it stands at `context`. Before OnDefinition. Answers whether there was any.
  Result<bool> Tell(const Statement& statement, std::string_view text,
                    const RowContext& context, std::vector<Event>* events);

  // Where the columns of `schema`, which somebody announces, come from: what
  // Event::renamed_from wants. The renames are not pending any more.
  std::vector<std::string> TakeRenames(const TableSchema& schema);
  // What made the shape of a table that somebody announces; it is not pending any more.
  Event::Change TakeChange(const TableId& id);
  // Since the last call.
  std::vector<SnapshotRequest> TakeSnapshotRequests() {
    return std::exchange(requests_, {});
  }

  // Chunks of all rows, in the order the tables were first seen in.
  Status Finish(std::vector<Chunk>* chunks);
  bool Follows(const TableId& id) const { return options_.follows(id); }
  const Pending& pending() const { return pending_; }
  int64_t zero_dates() const;

 private:
  struct Id {
    std::string map;         // the event's body
    Table* table = nullptr;  // null: not followed
  };

  Result<TableDef> DefOf(std::string_view body);
  Status CheckShape(const TableDef& described);
  Status Announce(Table* table, SchemaRef schema, const TableDef& def,
                  const RowContext& context, std::vector<Event>* events);
  void NoteChange(const TableId& table, const TableId& from, Event::Change change);
  void Drop(const TableId& id, std::string_view text, std::vector<Event>* events);
  void Truncate(const TableId& id, std::string_view text, std::vector<Event>* events);
  void RenameTable(const TableChange& change, const Statement& statement,
                   std::string_view text, std::vector<Event>* events);
  void RenameColumns(const TableChange& change);
  Status Alter(const TableChange& change, std::string_view text);
  Result<bool> Converts(const TableChange& change);
  void Rewrite(const TableChange& change, std::string_view text,
               std::vector<Event>* events);
  void Forget(Table* table);
  Table* FindTable(const TableId& id);

  const FollowOptions options_;
  std::map<TableId, LogPosition> floors_;
  Pending pending_;
  Logger* const log_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::unordered_map<uint64_t, Id> ids_;
  // The one of them used last: most events are of the table before. Null: none.
  std::pair<const uint64_t, Id>* recent_ = nullptr;
  std::vector<SnapshotRequest> requests_;
};

}  // namespace leat::mysql
