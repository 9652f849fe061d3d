// To which partition of its topic a row goes: where Kafka's Java clients would put it, by
// murmur2 of the key's bytes. Rows of an update that moves a row to another key, and so
// to another partition, become a delete in the old one and an insert in the new one.
// Stateless; any thread.
#pragma once

#include <arrow/array/array_binary.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "data/batch.h"

namespace leat::topic::embedded {

uint32_t Murmur2(std::string_view key);

// A key's partition of `partitions`; rows without a key go to the first.
int32_t PartitionOf(const arrow::BinaryArray& keys, int64_t row, int32_t partitions);

struct Part {
  Chunk chunk;
  std::shared_ptr<arrow::BinaryArray> keys;
};
// The chunk's rows by partition, in their order. `before`: the keys that updates had
// before, one for each update; null where nobody asked for them.
Result<std::map<int32_t, Part>> Split(const Chunk& chunk,
                                      const std::shared_ptr<arrow::BinaryArray>& keys,
                                      const std::shared_ptr<arrow::BinaryArray>& before,
                                      int32_t partitions);

}  // namespace leat::topic::embedded
