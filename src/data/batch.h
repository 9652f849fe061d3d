// What flows between source, steps and sink: Arrow columns with their operations, order
// and position. Move-only by intent; one thread at a time.
//
// A batch holds chunks (rows of one table and one schema each) and events. `seq` counts
// rows and events together from 0, so that a reader who needs the order across tables can
// merge them; within one chunk it rises. Chunks of one table stand in the order of their
// rows.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/schema.h"

namespace leat {

// One ordered stream of a source: a binlog, a slot, a Kafka partition. Unique in a
// pipeline.
using ShardId = std::string;

// Where a shard's stream stands. The text belongs to the source that made it: nobody else
// looks inside, and only that source can say which of two is further (Source::Reached).
struct Position {
  std::string text;

  bool empty() const { return text.empty(); }
  bool operator==(const Position&) const = default;
};

enum class Op : uint8_t { kInsert, kUpdate, kDelete, kRead };  // kRead: a snapshot's row

// Rows of one table. `rows` has the row after the change; for a delete, the row that was.
struct Chunk {
  SchemaRef schema;
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<Op> ops;        // one for each row
  std::vector<uint32_t> seq;  // one for each row, rising
  // The rows of the updates as they were, in order, one for each kUpdate in `ops`. Which
  // of its columns are filled follows Needs::before; null when kNone.
  std::shared_ptr<arrow::RecordBatch> before;
  std::vector<int64_t>
      time;  // microseconds since 1970 UTC of the change, one for each row
  // One column for each fact a sink asked for with Needs::meta, named as docs/types.md
  // has them (_gtid, _file, _pos, _row, _snapshot | _key, _headers, _partition, _offset).
  std::shared_ptr<arrow::RecordBatch> meta;
  // For each column nullptr, or a bitmap: bit set where the source did not send the value
  // because it did not change (PostgreSQL's TOAST). Empty: every value is there.
  std::vector<std::shared_ptr<arrow::Buffer>> absent;

  int64_t size() const { return rows ? rows->num_rows() : 0; }
};

struct Event {
  enum class Kind : uint8_t {
    kSchema,  // `schema` is the table's shape from here on; the first one announces it
    kTruncate,
    kDrop,
    kRename,  // the table named `table` is now named `schema->id`
    kSnapshotDone,
    kStatement,  // `statement` (of several tables: its part) is about `table`, or its
                 // database; Needs::statements
  };
  // What a kStatement does to its table (kNone: to a database), and what made the shape
  // of a kSchema (kNone: it is only announced, or nobody asked with Needs::statements).
  enum class Change : uint8_t { kNone, kCreate, kAlter, kDrop };
  Kind kind = Kind::kSchema;
  uint32_t seq = 0;
  TableId table;
  SchemaRef schema;       // kSchema, kRename; kTruncate: the shape that it has
  std::string statement;  // the DDL as the source logged it; may be empty
  // kSchema: for each column of `schema`, its name in the shape before, "" when new.
  // Empty: by equal names.
  std::vector<std::string> renamed_from;
  Change change = Change::kNone;
  // Of a change, and of a kStatement: its place, one row as of Chunk::meta; and its time,
  // microseconds since 1970 UTC.
  std::shared_ptr<arrow::RecordBatch> meta;
  int64_t time = 0;
};

// A row that cannot go on, kept with what an operator needs to understand and replay it.
struct DeadLetter {
  std::string table;
  std::string reason;  // names the column and the value
  Position position;   // of the batch it came in
  std::string row;     // JSON of what could be read, or the raw bytes in base64
  int64_t time = 0;    // microseconds since 1970 UTC
};

struct Batch {
  ShardId shard;
  std::vector<Chunk> chunks;
  std::vector<Event> events;
  std::vector<DeadLetter> rejects;
  Position end;             // after everything in here
  bool boundary = false;    // `end` is between transactions: an epoch may close here
  int64_t bytes = 0;        // memory it holds, for the queue's bound
  int64_t source_time = 0;  // of the newest change in it, microseconds; 0: none

  int64_t rows() const {
    int64_t n = 0;
    for (const Chunk& c : chunks) n += c.size();
    return n;
  }
  bool empty() const { return chunks.empty() && events.empty() && rejects.empty(); }
};

}  // namespace leat
