// Reads the rows that are in the tables now, chunk by chunk, so that they join the log
// exactly. docs/mysql.md has the argument; in short:
//
//   Each chunk is one consistent read of the rows with lower < key <= upper at a log
//   position P known exactly (its mark), and marks never fall. The owner reads the log up
//   to the front chunk's mark and not beyond, then takes the chunk's batches. Of a table
//   under way the log's rows count only for keys up to the last one taken (Filter); those
//   of later keys are in a later chunk, whose mark is further.
//
// So after every batch the taken rows, plus the filtered log, are the table as it stood
// at the mark for all keys up to the batch's last: that pair is the progress, an epoch
// may close there, and a restart goes on behind it.
//
// Owned by the source, called by its reader thread; workers of its own do the reading.
// Errors as Client's; kTransient when a worker lost its connection (start again from the
// progress).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/mysql/client/catalog.h"
#include "connectors/mysql/client/url.h"
#include "connectors/mysql/snapshot/snapshot_mark.h"
#include "connectors/mysql/snapshot/snapshot_progress.h"
#include "core/context.h"
#include "data/batch.h"

namespace leat::mysql {

struct SnapshotOptions {
  int workers = 1;
  int64_t batch_bytes = 2 << 20;             // of one batch, roughly
  int64_t buffer_bytes = 16 << 20;           // read ahead, for each worker
  int64_t chunk_rows = 100'000;              // fewer when rows are large
  std::map<std::string, std::string> where;  // "database.table" -> SQL condition
  ValueOptions values;
  // Fill Chunk::meta. Each piece of a table then waits for the next, so that the table's
  // last row is known as such; one exactly at the end of a chunk is not.
  bool meta = false;
  Flavor flavor = Flavor::kMySql;
};

struct SnapshotBatch {
  Chunk chunk;  // kRead rows in key order; `rows` may be null when the table is empty
  std::vector<DeadLetter> rejects;
  TableDef table;             // the shape of these rows, and of the log at this place
  LogMark mark;               // that place
  bool boundary = false;      // an epoch may close behind it
  bool table_begins = false;  // the first one of its table
  bool table_done = false;    // the last one of its table
  int64_t bytes = 0;
};

class Snapshot {
 public:
  // Reads those of `tables` that `progress` does not have as done, in their order.
  // `progress` is borrowed: Take moves it, Filter goes by it.
  static Result<std::unique_ptr<Snapshot>> Start(const Url& url,
                                                 const SnapshotOptions& options,
                                                 std::vector<CatalogTable> tables,
                                                 SnapshotProgress* progress,
                                                 const Context& context);
  ~Snapshot();

  // Every batch was taken.
  bool done() const;
  // The place up to which the log must have been read before the next Take, and where it
  // must stop; nothing when no chunk was begun before `deadline`.
  Result<std::optional<LogMark>> NextMark(SteadyTime deadline);
  // The next batch of the chunk at NextMark(); nothing when none came before `deadline`.
  Result<std::optional<SnapshotBatch>> Take(SteadyTime deadline);

  // Leaves in a log chunk (rows, ops, seq, before, time, meta) what counts now; rows of a
  // table that is not under way are all kept (done, or not ours) or all dropped (not
  // begun). Uses the columns by name.
  Status Filter(Chunk* chunk);
  // True when the log's rows of the table are all dropped.
  bool Pending(const TableId& table) const;
  int64_t rows_left() const;  // an estimate

 private:
  class Impl;
  explicit Snapshot(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace leat::mysql
