// The part of a message that says where the change comes from: Debezium's `source`, from
// what the source put into Chunk::meta. Owned by an encoder; one thread.
#pragma once

#include <arrow/array.h>

#include <string>

#include "data/batch.h"

namespace leat::debezium {

// The connector that a chunk's meta names: "mysql" or "mariadb".
std::string ConnectorOf(const Chunk& chunk);
// Whether the source declares the column NOT NULL, as its meta says or else its schema.
bool SourceOptional(const Chunk& chunk, const Column& column);

class SourceBlock {
 public:
  SourceBlock(const TableId& table, const std::string& prefix,
              const std::string& connector);

  // The rows to write next; borrowed until the next Bind.
  void Bind(const Chunk& chunk);
  // {"version":...}; `micros` is the change's time.
  size_t Most(int64_t row) const;
  char* Write(int64_t row, bool snapshot, int64_t micros, char* out) const;
  // What identifies the row's transaction: its GTID, else its place; "": none (a
  // snapshot's row).
  std::string Transaction(int64_t row) const;

 private:
  std::string_view Text(const arrow::StringArray* column, int64_t row) const;

  std::string start_;  // to ts_ms
  std::string db_;     // between the snapshot marker and ts_us
  std::string table_;  // between ts_ns and server_id
  const arrow::StringArray* gtid_ = nullptr;
  const arrow::StringArray* file_ = nullptr;
  const arrow::StringArray* snapshot_ = nullptr;
  const arrow::Int64Array* pos_ = nullptr;
  const arrow::Int32Array* row_ = nullptr;
  const arrow::Int64Array* thread_ = nullptr;
  const arrow::Int64Array* server_ = nullptr;
};

}  // namespace leat::debezium
