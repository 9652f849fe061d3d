#include "connectors/topic/embedded/partitioner.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "format/segment.h"

namespace leat::topic::embedded {
namespace {

// The images before of these updates, as deletes at the places of their rows.
Result<Part> Deletes(const Chunk& chunk, const std::shared_ptr<arrow::BinaryArray>& keys,
                     const std::vector<int64_t>& updates,
                     const std::vector<int64_t>& rows) {
  Part part;
  part.chunk.schema = chunk.schema;
  ASSIGN_OR_RETURN(part.chunk.rows, TakeRows(updates, chunk.before));
  ASSIGN_OR_RETURN(part.keys, TakeRows(updates, keys));
  part.chunk.ops.assign(rows.size(), Op::kDelete);
  for (const int64_t row : rows) {
    const auto at = static_cast<size_t>(row);
    part.chunk.seq.push_back(chunk.seq[at]);
    if (!chunk.time.empty()) part.chunk.time.push_back(chunk.time[at]);
  }
  if (chunk.meta) {
    ASSIGN_OR_RETURN(part.chunk.meta, TakeRows(rows, chunk.meta));
  }
  return part;
}

template <typename T>
void Arrange(const std::vector<int64_t>& rows, std::vector<T>* values) {
  std::vector<T> arranged;
  arranged.reserve(values->size());
  for (const int64_t row : rows) arranged.push_back((*values)[static_cast<size_t>(row)]);
  *values = std::move(arranged);
}

// Deletes and the rows that stay, in the order of seq. Updates are among the latter only,
// so their images before stand as they are.
Result<Part> Interleave(Part deletes, Part stay) {
  Segment both;
  both.chunks = {std::move(deletes.chunk), stay.chunk};
  both.chunks[1].before = nullptr;
  both.keys = {deletes.keys, stay.keys};
  RETURN_IF_ERROR(MergeChunks(&both));
  if (both.chunks.size() != 1) return Status::Bug("rows of one chunk do not join");
  Part part{std::move(both.chunks[0]), nullptr};
  std::vector<int64_t> order(part.chunk.seq.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::stable_sort(
      order, {}, [&](int64_t row) { return part.chunk.seq[static_cast<size_t>(row)]; });
  ASSIGN_OR_RETURN(part.chunk.rows, TakeRows(order, part.chunk.rows));
  if (part.chunk.meta) {
    ASSIGN_OR_RETURN(part.chunk.meta, TakeRows(order, part.chunk.meta));
  }
  ASSIGN_OR_RETURN(part.keys, TakeRows(order, both.keys[0]));
  Arrange(order, &part.chunk.ops);
  Arrange(order, &part.chunk.seq);
  Arrange(order, &part.chunk.time);
  part.chunk.before = std::move(stay.chunk.before);
  return part;
}

}  // namespace

// As org.apache.kafka.common.utils.Utils.murmur2.
uint32_t Murmur2(std::string_view key) {
  constexpr uint32_t kMix = 0x5bd1e995;
  uint32_t hash = 0x9747b28c ^ static_cast<uint32_t>(key.size());
  for (; key.size() >= 4; key.remove_prefix(4)) {
    uint32_t word;
    std::memcpy(&word, key.data(), sizeof(word));
    word *= kMix;
    word ^= word >> 24;
    word *= kMix;
    hash = hash * kMix ^ word;
  }
  for (size_t i = key.size(); i-- > 0;) {
    hash ^= uint32_t{static_cast<unsigned char>(key[i])} << (8 * i);
    if (i == 0) hash *= kMix;
  }
  hash ^= hash >> 13;
  hash *= kMix;
  return hash ^ hash >> 15;
}

int32_t PartitionOf(const arrow::BinaryArray& keys, int64_t row, int32_t partitions) {
  if (keys.IsNull(row)) return 0;
  return static_cast<int32_t>((Murmur2(keys.GetView(row)) & 0x7fffffff) %
                              static_cast<uint32_t>(partitions));
}

Result<std::map<int32_t, Part>> Split(const Chunk& chunk,
                                      const std::shared_ptr<arrow::BinaryArray>& keys,
                                      const std::shared_ptr<arrow::BinaryArray>& before,
                                      int32_t partitions) {
  struct Moved {
    std::vector<int64_t> updates;
    std::vector<int64_t> rows;
  };
  std::map<int32_t, std::vector<int64_t>> stay;
  std::map<int32_t, Moved> moved;
  std::vector<Op> ops = chunk.ops;
  std::vector<int64_t> staying_updates;
  int64_t update = 0;
  for (int64_t row = 0; row < chunk.size(); row++) {
    const int32_t to = PartitionOf(*keys, row, partitions);
    stay[to].push_back(row);
    if (chunk.ops[static_cast<size_t>(row)] != Op::kUpdate) continue;
    const int32_t from = before ? PartitionOf(*before, update, partitions) : to;
    if (from != to && chunk.before) {
      moved[from].updates.push_back(update);
      moved[from].rows.push_back(row);
      ops[static_cast<size_t>(row)] = Op::kInsert;
    } else {
      staying_updates.push_back(update);
    }
    update++;
  }
  Chunk whole = chunk;
  whole.ops = std::move(ops);
  std::map<int32_t, Part> parts;
  if (!moved.empty()) {
    ASSIGN_OR_RETURN(whole.before, TakeRows(staying_updates, chunk.before));
  }
  for (const auto& [from, away] : moved) {
    ASSIGN_OR_RETURN(Part part, Deletes(chunk, before, away.updates, away.rows));
    parts.emplace(from, std::move(part));
  }
  for (const auto& [to, rows] : stay) {
    Part part{whole, keys};
    if (stay.size() > 1) {
      RETURN_IF_ERROR(TakeRows(rows, &part.chunk));
      ASSIGN_OR_RETURN(part.keys, TakeRows(rows, keys));
    }
    if (auto deletes = parts.extract(to)) {
      ASSIGN_OR_RETURN(part, Interleave(std::move(deletes.mapped()), std::move(part)));
    }
    parts.emplace(to, std::move(part));
  }
  return parts;
}

}  // namespace leat::topic::embedded
