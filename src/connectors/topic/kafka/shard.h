// The names of shards and positions of Kafka's partitions, which source and sink share. A
// shard is a partition as one consumer group reads it: group/topic/partition. A position
// is the offset of the next record, and behind a space what the format has learnt of the
// schema up to there. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "connectors/topic/kafka/client.h"
#include "data/batch.h"

namespace leat::topic::kafka {

struct Shard {
  std::string group;
  Partition partition;

  ShardId Id() const;
  // Nothing when it is a shard of another kind of source.
  static std::optional<Shard> Parse(const ShardId& id);
};

struct Place {
  int64_t offset = 0;
  std::string learnt;

  Position ToPosition() const;
  // Nothing when the text is not of this making.
  static std::optional<Place> Parse(const Position& position);
};

// What stands beside an offset that Leat committed; an offset with anything else beside
// it was set by somebody else.
std::string OffsetMark(int64_t offset);
// Offsets to commit, each with its mark.
PartitionList MarkedOffsets(const std::map<Partition, int64_t>& offsets);

// What a source lends to a sink (Source::Lease): the group, and the proof that this
// process is a member of it.
struct Lease {
  std::string group;
  std::string metadata;

  std::string Encode() const;
  static std::optional<Lease> Decode(std::string_view text);
};

}  // namespace leat::topic::kafka
