// The rows and events of a batch in the order of seq, as runs that are as long as they
// can be. Borrows the batch. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "data/batch.h"

namespace leat {

struct OrderedRows {
  const Chunk* chunk = nullptr;  // null: `event`
  int64_t begin = 0;             // rows [begin, end) of the chunk
  int64_t end = 0;
  int64_t update = 0;  // the first row of `before` that belongs to them
  const Event* event = nullptr;
};

// Of all chunks and events given, which are in no order among themselves.
std::vector<OrderedRows> InOrder(const std::vector<const Chunk*>& chunks,
                                 const std::vector<const Event*>& events);

// The seq behind everything in the batch.
uint32_t NextSeq(const Batch& batch);

}  // namespace leat
