// The names and facts of embedded topics. Values.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/project_settings.h"
#include "format/segment.h"

namespace leat {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;

  auto operator<=>(const TopicPartition&) const = default;
  std::string ToString() const { return topic + "[" + std::to_string(partition) + "]"; }
};

// Offsets from `start` (the first that is kept) up to, and without, `end`.
struct OffsetRange {
  int64_t start = 0;
  int64_t end = 0;
};

struct PartitionInfo {
  OffsetRange offsets;
  int64_t bytes = 0;  // as kept: compressed
  int64_t segments = 0;
  int64_t newest = 0;  // time of the newest record, milliseconds; 0: none
};

struct TopicInfo {
  std::string name;
  TopicSettings settings;
  int64_t created = 0;  // milliseconds since 1970 UTC
  std::vector<PartitionInfo> partitions;
};

// How far a group has come in a partition.
struct GroupOffset {
  int64_t offset = 0;  // the next to read
  // Counts the resets by hand: a position from before the newest one is void.
  int64_t resets = 0;
  int64_t time = 0;  // when it was written, milliseconds
};
using GroupOffsets = std::map<TopicPartition, GroupOffset>;

// Who stages: one worker of a pipeline.
struct PipelineWorker {
  std::string pipeline;
  int worker = 0;
};

// A segment in the store that has no offsets yet, and so nobody reads it.
struct StagedSegment {
  uint64_t id = 0;
  TopicPartition to;
  int64_t count = 0;  // of the offsets it needs
  int64_t bytes = 0;
  int64_t min_time = 0;  // of its records, milliseconds
  int64_t max_time = 0;
};

// A segment as it was read.
struct FetchedSegment {
  int64_t first = 0;  // offset
  int64_t end = 0;    // the next segment's first
  int64_t appended = 0;
  int64_t bytes = 0;
  Segment segment;
};

}  // namespace leat
