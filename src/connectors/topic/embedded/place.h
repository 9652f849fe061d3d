// Shards and positions of embedded topics. A shard is a partition as one group reads it:
// group/topic/partition. A position is the next offset, behind an @ how often the group
// was reset by hand, and behind a space what the format has learnt of the schema:
// "1200@2 ...". Positions from after a reset are further than all from before it, also
// where the reset went back, so that no token ever falls. Values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/batch.h"
#include "store/topics/topic.h"

namespace leat::topic::embedded {

ShardId ShardOf(const std::string& group, const TopicPartition& partition);

struct Place {
  int64_t offset = 0;
  int64_t resets = 0;
  std::string learnt;

  Position ToPosition() const;
  // Nothing when the text is not of this making.
  static std::optional<Place> Parse(const Position& position);
  // It has everything up to `other`.
  bool Reached(const Place& other) const {
    return resets != other.resets ? resets > other.resets : offset >= other.offset;
  }
};

}  // namespace leat::topic::embedded
