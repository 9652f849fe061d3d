#include <arrow/array.h>
#include <arrow/compute/api.h>
#include <arrow/compute/initialize.h>

#include <algorithm>
#include <numeric>

#include "format/segment.h"

namespace leat {
namespace {

Status TakingFailed(const arrow::Status& status) {
  return Status::Bug("taking rows of a topic: " + status.ToString());
}

Result<std::shared_ptr<arrow::Array>> Take(const std::shared_ptr<arrow::Array>& column,
                                           const arrow::Array& rows) {
  static const arrow::Status ready = arrow::compute::Initialize();
  if (!ready.ok()) return TakingFailed(ready);
  auto taken =
      arrow::compute::Take(*column, rows, arrow::compute::TakeOptions::NoBoundsCheck());
  if (!taken.ok()) return TakingFailed(taken.status());
  return *std::move(taken);
}

Result<std::shared_ptr<arrow::RecordBatch>> Take(const arrow::RecordBatch& batch,
                                                 const arrow::Array& rows) {
  arrow::ArrayVector columns;
  for (const auto& column : batch.columns()) {
    ASSIGN_OR_RETURN(auto taken, Take(column, rows));
    columns.push_back(std::move(taken));
  }
  return arrow::RecordBatch::Make(batch.schema(), rows.length(), std::move(columns));
}

arrow::Int64Array RowsOver(const std::vector<int64_t>& rows) {
  return {static_cast<int64_t>(rows.size()), arrow::Buffer::Wrap(rows)};
}

template <typename T>
void TakeValues(const std::vector<int64_t>& rows, std::vector<T>* values) {
  if (values->empty()) return;
  for (size_t i = 0; i < rows.size(); i++) {
    (*values)[i] = (*values)[static_cast<size_t>(rows[i])];
  }
  values->resize(rows.size());
}

}  // namespace

Result<std::shared_ptr<arrow::BinaryArray>> TakeRows(
    const std::vector<int64_t>& rows, const std::shared_ptr<arrow::BinaryArray>& column) {
  if (!column) return column;
  ASSIGN_OR_RETURN(auto taken, Take(column, RowsOver(rows)));
  return std::static_pointer_cast<arrow::BinaryArray>(taken);
}

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::vector<int64_t>& rows, const std::shared_ptr<arrow::RecordBatch>& batch) {
  return Take(*batch, RowsOver(rows));
}

Status TakeRows(const std::vector<int64_t>& rows, Chunk* chunk) {
  const arrow::Int64Array positions = RowsOver(rows);
  ASSIGN_OR_RETURN(chunk->rows, Take(*chunk->rows, positions));
  if (chunk->before) {
    std::vector<int64_t> updates;
    int64_t update = 0;
    size_t next = 0;
    for (size_t i = 0; i < chunk->ops.size(); i++) {
      const bool kept = next < rows.size() && rows[next] == static_cast<int64_t>(i);
      next += kept;
      if (chunk->ops[i] != Op::kUpdate) continue;
      if (kept) updates.push_back(update);
      update++;
    }
    ASSIGN_OR_RETURN(chunk->before, Take(*chunk->before, RowsOver(updates)));
  }
  if (chunk->meta) {
    ASSIGN_OR_RETURN(chunk->meta, Take(*chunk->meta, positions));
  }
  for (auto& bits : chunk->absent) {
    if (!bits) continue;
    auto all = std::make_shared<arrow::BooleanArray>(
        static_cast<int64_t>(chunk->ops.size()), bits);
    ASSIGN_OR_RETURN(auto taken, Take(all, positions));
    bits = taken->data()->buffers[1];
  }
  TakeValues(rows, &chunk->ops);
  TakeValues(rows, &chunk->seq);
  TakeValues(rows, &chunk->time);
  return Status::Ok();
}

namespace {

Status TakeFromRecords(const std::vector<int64_t>& rows, Records* records) {
  ASSIGN_OR_RETURN(records->keys, TakeRows(rows, records->keys));
  ASSIGN_OR_RETURN(records->values, TakeRows(rows, records->values));
  ASSIGN_OR_RETURN(records->headers, TakeRows(rows, records->headers));
  TakeValues(rows, &records->timestamps);
  TakeValues(rows, &records->partitions);
  TakeValues(rows, &records->offsets);
  return Status::Ok();
}

}  // namespace

std::vector<std::vector<int64_t>> OffsetsOf(const Segment& segment) {
  if (!segment.offsets.empty()) return segment.offsets;
  std::vector<std::vector<int64_t>> offsets;
  if (segment.records) {
    offsets.emplace_back(static_cast<size_t>(segment.records->size()));
    std::iota(offsets[0].begin(), offsets[0].end(), 0);
    return offsets;
  }
  // By seq: events have some, too, and none has an offset.
  uint32_t last = 0;
  for (const Chunk& chunk : segment.chunks) {
    if (!chunk.seq.empty()) last = std::max(last, chunk.seq.back());
  }
  std::vector<int64_t> rank(size_t{last} + 1, 0);
  for (const Chunk& chunk : segment.chunks) {
    for (const uint32_t seq : chunk.seq) rank[seq] = 1;
  }
  std::exclusive_scan(rank.begin(), rank.end(), rank.begin(), int64_t{0});
  for (const Chunk& chunk : segment.chunks) {
    std::vector<int64_t>& own = offsets.emplace_back();
    own.reserve(chunk.seq.size());
    for (const uint32_t seq : chunk.seq) own.push_back(rank[seq]);
  }
  return offsets;
}

Status KeepRows(const std::vector<int64_t>& keep, Segment* segment) {
  std::vector<std::vector<int64_t>> offsets = OffsetsOf(*segment);
  for (size_t i = 0; i < offsets.size(); i++) {
    std::vector<int64_t> rows;
    for (size_t row = 0; row < offsets[i].size(); row++) {
      if (std::ranges::binary_search(keep, offsets[i][row])) {
        rows.push_back(static_cast<int64_t>(row));
      }
    }
    if (rows.size() == offsets[i].size()) continue;
    if (segment->records) {
      RETURN_IF_ERROR(TakeFromRecords(rows, &*segment->records));
    } else {
      RETURN_IF_ERROR(TakeRows(rows, &segment->chunks[i]));
      if (!segment->keys.empty()) {
        ASSIGN_OR_RETURN(segment->keys[i], TakeRows(rows, segment->keys[i]));
      }
    }
    TakeValues(rows, &offsets[i]);
  }
  segment->offsets = std::move(offsets);
  for (size_t i = segment->chunks.size(); i-- > 0;) {
    if (segment->chunks[i].size() > 0) continue;
    const auto at = static_cast<std::ptrdiff_t>(i);
    segment->chunks.erase(segment->chunks.begin() + at);
    segment->offsets.erase(segment->offsets.begin() + at);
    if (!segment->keys.empty()) segment->keys.erase(segment->keys.begin() + at);
  }
  return Status::Ok();
}

Status CutBefore(int64_t first, Segment* segment) {
  std::vector<int64_t> keep;
  for (const std::vector<int64_t>& own : OffsetsOf(*segment)) {
    std::ranges::copy_if(own, std::back_inserter(keep),
                         [&](int64_t offset) { return offset >= first; });
  }
  std::ranges::sort(keep);
  RETURN_IF_ERROR(KeepRows(keep, segment));
  uint32_t seq = UINT32_MAX;
  for (const Chunk& chunk : segment->chunks) seq = std::min(seq, chunk.seq.front());
  std::erase_if(segment->events, [&](const Event& event) { return event.seq < seq; });
  return Status::Ok();
}

}  // namespace leat
