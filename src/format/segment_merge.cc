#include <arrow/array/concatenate.h>
#include <arrow/table.h>

#include <map>

#include "format/segment.h"

namespace leat {
namespace {

Status JoiningFailed(const arrow::Status& status) {
  return Status::Bug("joining rows of a topic: " + status.ToString());
}

bool Alike(const Chunk& a, const Chunk& b) {
  return a.schema == b.schema && !a.meta == !b.meta && a.absent.empty() &&
         b.absent.empty() && a.time.empty() == b.time.empty();
}

template <typename T>
void Append(const std::vector<T>& more, std::vector<T>* all) {
  all->insert(all->end(), more.begin(), more.end());
}

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

Status Join(const Batches& parts, std::shared_ptr<arrow::RecordBatch>* whole) {
  if (parts.empty()) return Status::Ok();
  auto joined = arrow::ConcatenateRecordBatches(parts);
  if (!joined.ok()) return JoiningFailed(joined.status());
  *whole = *std::move(joined);
  return Status::Ok();
}

// These chunks as one.
Result<Chunk> JoinChunks(std::vector<Chunk>& chunks, const std::vector<size_t>& which) {
  Chunk all = std::move(chunks[which[0]]);
  if (which.size() == 1) return all;
  Batches rows = {all.rows}, before, meta;
  if (all.before) before.push_back(all.before);
  if (all.meta) meta.push_back(all.meta);
  for (size_t i = 1; i < which.size(); i++) {
    Chunk& more = chunks[which[i]];
    rows.push_back(more.rows);
    if (more.before) before.push_back(more.before);
    if (more.meta) meta.push_back(more.meta);
    Append(more.ops, &all.ops);
    Append(more.seq, &all.seq);
    Append(more.time, &all.time);
  }
  RETURN_IF_ERROR(Join(rows, &all.rows));
  RETURN_IF_ERROR(Join(before, &all.before));
  RETURN_IF_ERROR(Join(meta, &all.meta));
  return all;
}

}  // namespace

// Chunks of other tables may stand between two that are joined: their seqs tell the
// order. A chunk of the same table with another schema may not.
Status MergeChunks(Segment* segment) {
  std::vector<std::vector<size_t>> groups;
  std::map<TableId, size_t> newest;  // group of each table
  for (size_t i = 0; i < segment->chunks.size(); i++) {
    const Chunk& chunk = segment->chunks[i];
    auto [found, first] = newest.try_emplace(chunk.schema->id, groups.size());
    if (!first && Alike(segment->chunks[groups[found->second].front()], chunk)) {
      groups[found->second].push_back(i);
      continue;
    }
    found->second = groups.size();
    groups.push_back({i});
  }
  std::vector<Chunk> merged;
  std::vector<std::shared_ptr<arrow::BinaryArray>> keys;
  for (const std::vector<size_t>& group : groups) {
    if (!segment->keys.empty()) {
      arrow::ArrayVector parts;
      for (const size_t i : group) parts.push_back(segment->keys[i]);
      auto joined = arrow::Concatenate(parts);
      if (!joined.ok()) return JoiningFailed(joined.status());
      keys.push_back(std::static_pointer_cast<arrow::BinaryArray>(*joined));
    }
    ASSIGN_OR_RETURN(Chunk chunk, JoinChunks(segment->chunks, group));
    merged.push_back(std::move(chunk));
  }
  segment->chunks = std::move(merged);
  segment->keys = std::move(keys);
  return Status::Ok();
}

}  // namespace leat
