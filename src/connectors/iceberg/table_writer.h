// TableWriter: one table of the sink. Turns the changes of its source table into staged
// data and delete files, and keeps its key index in step.
//
// upsert: each row replaces the one of its key; what an epoch writes over again is a
// position delete as well, against the file being written where it must be. append: each
// change is a row, with _op (c, u, d, r, t) and _ts.
//
// One owner (the sink), one thread; borrows files, table and log. Errors: those of FileIo
// and Table; kConfig for an upsert without a key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "connectors/iceberg/data/partition_writer.h"
#include "connectors/iceberg/data/position_delete.h"
#include "connectors/iceberg/data/row_shaper.h"
#include "connectors/iceberg/index/index_rebuild.h"
#include "connectors/iceberg/index/key_hash.h"
#include "connectors/iceberg/index/key_index.h"
#include "connectors/iceberg/staged_table.h"
#include "connectors/iceberg/table.h"
#include "data/batch.h"

namespace leat::iceberg {

enum class Mode : uint8_t { kAppend, kUpsert };

struct TableWriterOptions {
  Mode mode = Mode::kUpsert;
  std::vector<std::string> key;  // empty: the source's
  std::filesystem::path index;   // folder of the key index
  PartitionWriterOptions files;
};

// Rows [from, to) of a chunk.
struct ChunkRange {
  const Chunk* chunk = nullptr;
  size_t from = 0;
  size_t to = 0;
  size_t before = 0;  // updates ahead of `from`: where Chunk::before begins for them

  size_t size() const { return to - from; }
};

class TableWriter {
 public:
  TableWriter(FileIo& files, std::unique_ptr<Table> table, TableWriterOptions options,
              Logger& log, const CancelToken& cancel);
  ~TableWriter();

  Table& table() { return *table_; }

  // The shape of the rows from here on; the table has it already. Only between epochs may
  // the key change.
  Status SetSource(const SchemaRef& source);
  bool has_source() const { return source_ != nullptr; }
  const SchemaRef& source() const { return source_; }

  // Makes the key index fit the table; before the first Write after Open or a refresh
  // that brought somebody else's changes.
  Status PrepareIndex();

  Status Write(const ChunkRange& rows, std::vector<DeadLetter>* rejects);
  Status Truncate(int64_t time);

  bool touched() const { return staged_.has_value(); }
  int64_t buffered_bytes() const { return data_.buffered_bytes(); }
  Status CloseFiles() { return data_.CloseFiles(); }
  Result<bool> CloseLargest() { return data_.CloseLargest(); }
  // Closes every file; the FileIo's Sync makes them durable.
  Result<StagedTable> Finish();
  // `staged` is part of the table now, in its current snapshot or an ancestor.
  Status Committed(const StagedTable& staged);
  Status Abort();
  // Somebody changed the table: the index follows it before the next row.
  void Distrust() { index_ready_ = false; }

 private:
  struct Shaped;

  Result<uint32_t> AddTarget(const std::string& location, int spec_id,
                             const Partition& partition);
  Result<Shaped> Shape(const ChunkRange& rows, std::vector<DeadLetter>* rejects);
  Status WriteUpsert(const ChunkRange& rows, std::vector<DeadLetter>* rejects);
  Status WriteAppend(const ChunkRange& rows, std::vector<DeadLetter>* rejects);
  Status Replace(const std::vector<KeyHash>& keys, const std::vector<Place>& places);
  Status Begin();
  Status OpenIndex();
  arrow::ArrayVector KeyColumns(const arrow::RecordBatch& rows) const;

  FileIo& files_;
  std::unique_ptr<Table> table_;
  const TableWriterOptions options_;
  Logger& log_;
  const CancelToken& cancel_;

  SchemaRef source_;
  SchemaRef shape_;  // of its rows as they are written
  std::vector<std::string> key_;
  std::vector<int> key_columns_;  // in the source
  std::optional<RowShaper> shaper_;
  std::optional<KeyHasher> hasher_;
  std::unique_ptr<KeyIndex> index_;
  bool index_ready_ = false;
  DataTargets targets_;
  PartitionWriter data_;
  PositionDeletes deletes_;
  std::optional<StagedTable> staged_;  // of the open epoch: no files yet
};

// The source's columns as a table in append mode has them: all optional, then _op, _ts.
SchemaRef AppendShape(const TableSchema& source);

}  // namespace leat::iceberg
