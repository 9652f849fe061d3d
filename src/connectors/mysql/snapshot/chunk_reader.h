// Reads one chunk of a table: opens the view it is read in, finds its upper end, streams
// its rows into record batches. Owned by a worker of Snapshot (or by a poll); one thread,
// but for Interrupt.
// Errors as Client's and SnapshotView's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/mysql/snapshot/chunk_key.h"
#include "connectors/mysql/snapshot/snapshot_view.h"
#include "connectors/mysql/values/column_builder.h"
#include "connectors/mysql/values/text_decoder.h"

namespace leat::mysql {

// What of a table to read: lower < key <= upper, `limit` rows at most.
struct ChunkPlan {
  CatalogTable table;
  ChunkKey key;
  KeyValues lower;                 // empty: from the beginning
  std::optional<KeyValues> upper;  // nothing: to the end
  int64_t limit = 0;               // 0: none
  std::string where;               // the user's condition; may be empty
};

// Rows that follow each other in the chunk.
struct ChunkPiece {
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<DeadLetter> rejects;
  KeyValues last;  // the last row's key; empty when the table has no order
  int64_t bytes = 0;
};

class ChunkReader {
 public:
  ChunkReader(std::unique_ptr<SnapshotView> view, const ValueOptions& values,
              int64_t batch_bytes)
      : view_(std::move(view)), values_(values), batch_bytes_(batch_bytes) {}

  struct Opened {
    LogMark mark;
    bool gone = false;  // there is no such table any more
  };
  // Opens the view; `plan->table` becomes the table's shape at the mark, and stays that
  // until Close. `plan->key` follows.
  Result<Opened> Open(ChunkPlan* plan, const CancelToken& cancel);
  // Instead of Open: one view for every table, at no place of the log, until Close.
  Status OpenForAll() { return view_->OpenForAll(); }
  // In that view: `plan->table` becomes what the table is, and stays that. False: there
  // is none any more. kTransient when it was altered since.
  Result<bool> Pin(ChunkPlan* plan);
  // The key of the plan's n-th row; nothing when there are fewer.
  Result<std::optional<KeyValues>> Boundary(const ChunkPlan& plan, int64_t n);

  struct Outcome {
    int64_t rows = 0;  // as the server sent them, rejected ones included
    KeyValues last;    // of the last row that was not rejected
    bool last_rejected = false;
    bool stopped = false;
  };
  // Gives out the rows piece by piece; `take` answers false to stop early, after which
  // this reader is of no use any more.
  Result<Outcome> Read(const ChunkPlan& plan,
                       const std::function<bool(ChunkPiece)>& take);
  Result<LogMark> LogEnd() { return view_->LogEnd(); }
  Status Close() { return view_->Close(); }
  void Interrupt() { view_->Interrupt(); }

 private:
  // Takes the table's metadata lock and reads its shape; nothing: it is gone.
  Status Describe(const TableId& id, std::optional<CatalogTable>* now);
  Status Prepare(const CatalogTable& table);
  Result<std::optional<ChunkPiece>> NextPiece(const ChunkPlan& plan, Outcome* outcome);

  std::unique_ptr<SnapshotView> view_;
  const ValueOptions values_;
  const int64_t batch_bytes_;
  // Of the table read last.
  TableDef prepared_;
  std::unique_ptr<TextDecoder> decoder_;
  std::unique_ptr<TableBuilder> builder_;
};

std::string ChunkSql(const ChunkPlan& plan);

}  // namespace leat::mysql
