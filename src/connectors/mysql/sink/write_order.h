// The order in which rows of a batch are written: chunk by chunk up to an event, or row
// by row across tables. Pure; borrows the batch.
#pragma once

#include <algorithm>
#include <vector>

#include "connectors/mysql/sink/changes.h"

namespace leat::mysql {

// Walks over a batch from event to event.
class WriteOrder {
 public:
  explicit WriteOrder(const Batch& batch);
  // The rows not yet answered whose seq is below `end`, by chunk.
  std::vector<ChunkRows> Take(uint64_t end);

 private:
  std::vector<ChunkRows> next_;
};

// Rows of several tables in the order of seq, as runs of one chunk and one kind of
// change each (written or deleted).
std::vector<ChunkRows> InOrder(const std::vector<ChunkRows>& rows);

}  // namespace leat::mysql
