// Rows and records of topics as JSON for people: what `leat topics read` shows.
// One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "store/topics/topic.h"

namespace leat {

struct RowFilter {
  std::optional<std::string> key;  // of records that came as bytes
  std::string contains;            // in the value or the row's JSON
};

// Collects rows up to a limit.
class RowLines {
 public:
  RowLines(RowFilter filter, int64_t limit);
  ~RowLines();

  bool full() const;
  // The rows of a segment, in the order of their offsets. Answers the offset to go on
  // from.
  int64_t Add(int32_t partition, const FetchedSegment& fetched);
  // A JSON array of objects: partition, offset, timestamp; of a record key, value and
  // headers; of a row table, op and row.
  std::string Take();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leat
