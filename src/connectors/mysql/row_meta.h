// Chunk::meta of the source: what is known of each row beyond its columns, for sinks that
// ask (Needs::meta). Rows of the log have _gtid, _file, _pos (where their event starts),
// _row (in the event), _server_id and _thread; those of a snapshot _file and _pos of
// their view and _snapshot, Debezium's marker of the row's place. The batch's schema
// metadata has `connector` (mysql or mariadb) and `not_null:<column>` for each column
// that the server declares so, because the schema may not (zero dates). Owned by a
// TableStream; one thread.
#pragma once

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "connectors/mysql/values/column.h"

namespace leat::mysql {

// What the rows of one event share.
struct RowContext {
  int64_t time = 0;       // microseconds
  std::string_view gtid;  // text; only when meta is needed
  std::string_view file;
  uint64_t offset = 0;  // where the event starts
  uint32_t server = 0;
  uint32_t thread = 0;  // 0: the log does not say
};

// Event::meta of a change of the table at that place: the row's facts, and in the
// schema's metadata for each column of text `charset:<column>` as well.
Result<std::shared_ptr<arrow::RecordBatch>> DefinitionMeta(const TableDef& table,
                                                           Flavor flavor,
                                                           const RowContext& context);

class RowMeta {
 public:
  RowMeta(const TableDef& table, Flavor flavor);

  Status Append(const RowContext& context, int64_t row_in_event);
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  std::shared_ptr<arrow::Schema> schema_;
  arrow::StringBuilder gtid_;
  arrow::StringBuilder file_;
  arrow::Int64Builder offset_;
  arrow::Int32Builder row_;
  arrow::Int64Builder server_;
  arrow::Int64Builder thread_;
};

// Where a piece of a snapshot stands in its table and in the whole.
struct SnapshotPlace {
  bool first_table = false;
  bool last_table = false;
  bool begins = false;  // its first row is the table's
  bool ends = false;    // its last row is the table's
};
Result<std::shared_ptr<arrow::RecordBatch>> SnapshotMeta(
    const TableDef& table, Flavor flavor, std::string_view file, uint64_t offset,
    const SnapshotPlace& place, int64_t rows);

}  // namespace leat::mysql
