#include "connectors/mysql/sink/write_order.h"

namespace leat::mysql {
namespace {

// Of which kind the statements of a row are. An update may change its key: it stands for
// itself, so that nothing behind it is written before the old row is gone.
int KindOf(Op op) { return op == Op::kDelete ? 1 : op == Op::kUpdate ? 2 : 0; }

}  // namespace

WriteOrder::WriteOrder(const Batch& batch) {
  for (const Chunk& chunk : batch.chunks) next_.push_back({&chunk, 0, 0, 0});
}

std::vector<ChunkRows> WriteOrder::Take(uint64_t end) {
  std::vector<ChunkRows> out;
  for (ChunkRows& rows : next_) {
    const std::vector<uint32_t>& seq = rows.chunk->seq;
    const auto from = seq.begin() + static_cast<ptrdiff_t>(rows.to);
    rows.from = rows.to;
    rows.to = static_cast<size_t>(
        std::lower_bound(from, seq.end(), end,
                         [](uint32_t s, uint64_t e) { return s < e; }) -
        seq.begin());
    if (rows.to == rows.from) continue;
    out.push_back(rows);
    const auto& ops = rows.chunk->ops;
    rows.before += static_cast<size_t>(
        std::count(ops.begin() + static_cast<ptrdiff_t>(rows.from),
                   ops.begin() + static_cast<ptrdiff_t>(rows.to), Op::kUpdate));
  }
  return out;
}

std::vector<ChunkRows> InOrder(const std::vector<ChunkRows>& rows) {
  std::vector<ChunkRows> cursors = rows;
  std::vector<ChunkRows> out;
  for (;;) {
    ChunkRows* first = nullptr;
    for (ChunkRows& cursor : cursors) {
      if (cursor.from == cursor.to) continue;
      if (!first || cursor.chunk->seq[cursor.from] < first->chunk->seq[first->from]) {
        first = &cursor;
      }
    }
    if (!first) return out;
    const Op op = first->chunk->ops[first->from];
    ChunkRows one = *first;
    one.to = one.from + 1;
    const bool joins =
        !out.empty() && out.back().chunk == one.chunk && out.back().to == one.from &&
        KindOf(one.chunk->ops[out.back().from]) == KindOf(op) && op != Op::kUpdate;
    if (joins) {
      out.back().to++;
    } else {
      out.push_back(one);
    }
    first->from++;
    if (op == Op::kUpdate) first->before++;
  }
}

}  // namespace leat::mysql
