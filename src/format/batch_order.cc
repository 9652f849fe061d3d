#include "format/batch_order.h"

#include <algorithm>

namespace leat {
namespace {

struct Cursor {
  const Chunk* chunk;
  int64_t at = 0;
  int64_t update = 0;

  bool done() const { return at >= chunk->size(); }
  uint32_t seq() const { return chunk->seq[static_cast<size_t>(at)]; }
};

// Up to the first row whose seq is not below `limit`.
OrderedRows TakeUpTo(Cursor* cursor, uint64_t limit) {
  const std::vector<uint32_t>& seq = cursor->chunk->seq;
  const auto from = seq.begin() + cursor->at;
  auto to = seq.end();
  if (limit <= seq.back()) {
    to = std::lower_bound(from, seq.end(), static_cast<uint32_t>(limit));
  }
  OrderedRows run;
  run.chunk = cursor->chunk;
  run.begin = cursor->at;
  run.end = to - seq.begin();
  run.update = cursor->update;
  if (cursor->chunk->before) {
    const auto ops = cursor->chunk->ops.begin();
    cursor->update += std::count(ops + run.begin, ops + run.end, Op::kUpdate);
  }
  cursor->at = run.end;
  return run;
}

}  // namespace

std::vector<OrderedRows> InOrder(const std::vector<const Chunk*>& chunks,
                                 const std::vector<const Event*>& events) {
  std::vector<Cursor> cursors;
  for (const Chunk* chunk : chunks) {
    if (chunk->size() > 0) cursors.push_back({chunk});
  }
  std::vector<const Event*> waiting = events;
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const Event* a, const Event* b) { return a->seq < b->seq; });
  std::vector<OrderedRows> runs;
  auto event = waiting.begin();
  while (!cursors.empty() || event != waiting.end()) {
    // The cursor that is first, and where the next thing after it starts.
    Cursor* first = nullptr;
    uint64_t limit = UINT64_MAX;
    for (Cursor& cursor : cursors) {
      if (!first || cursor.seq() < first->seq()) {
        if (first) limit = std::min<uint64_t>(limit, first->seq());
        first = &cursor;
      } else {
        limit = std::min<uint64_t>(limit, cursor.seq());
      }
    }
    if (event != waiting.end()) {
      if (!first || (*event)->seq <= first->seq()) {
        OrderedRows run;
        run.event = *event++;
        runs.push_back(run);
        continue;
      }
      limit = std::min<uint64_t>(limit, (*event)->seq);
    }
    // Two rows with one seq would otherwise stop it.
    runs.push_back(
        TakeUpTo(first, std::max<uint64_t>(limit, uint64_t{first->seq()} + 1)));
    std::erase_if(cursors, [](const Cursor& cursor) { return cursor.done(); });
  }
  return runs;
}

uint32_t NextSeq(const Batch& batch) {
  uint32_t next = 0;
  for (const Chunk& chunk : batch.chunks) {
    if (!chunk.seq.empty()) next = std::max(next, chunk.seq.back() + 1);
  }
  for (const Event& event : batch.events) next = std::max(next, event.seq + 1);
  return next;
}

}  // namespace leat
