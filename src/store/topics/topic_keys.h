// The keys of topics in the store, beside those of store/keys.h; numbers in big-endian,
// so that RocksDB's order is theirs.
//
//   T topic                          its settings, JSON
//   P topic partition                start, end and clean end
//   I topic partition FIRST          the segment with that first offset (SegmentEntry)
//   U pipeline worker ID             a staged segment (SegmentEntry)
//   K pipeline shard                 the token of a sink's shard, JSON
//   G group topic partition          the group's offset
//   H name                           a table's schema (format/schema_bytes.h)
//
// In the column family of segments the key is the segment's ID, the value its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/topics/topic.h"

namespace leat::topic_keys {

inline constexpr char kTopic = 'T';
inline constexpr char kPartition = 'P';
inline constexpr char kSegment = 'I';
inline constexpr char kStaged = 'U';
inline constexpr char kToken = 'K';
inline constexpr char kGroup = 'G';
inline constexpr char kSchema = 'H';

std::string Number(uint64_t number);
uint64_t ReadNumber(std::string_view bytes);

std::string Topic(std::string_view name);
// `kind`: kPartition or kSegment.
std::string Of(char kind, const TopicPartition& partition);
std::string Segment(const TopicPartition& partition, int64_t first);
// A prefix; the ID follows.
std::string Staged(const PipelineWorker& worker);
std::string Staged(const PipelineWorker& worker, uint64_t id);
std::string Token(std::string_view pipeline, std::string_view shard);
std::string Group(std::string_view group, const TopicPartition& partition);
std::string Schema(std::string_view name);

// The value of a partition: its offsets, and how far it is compacted.
std::string Encode(const OffsetRange& offsets, int64_t clean);

// What follows the kind in a Group key.
struct GroupKey {
  std::string group;
  TopicPartition partition;
};
std::optional<GroupKey> ReadGroup(std::string_view key);

// What the store knows of a segment besides its bytes.
struct SegmentEntry {
  StagedSegment segment;
  int64_t first = 0;     // its first offset
  int64_t appended = 0;  // when it got its offsets, milliseconds
};
std::string Encode(const SegmentEntry& entry);
std::optional<SegmentEntry> DecodeEntry(std::string_view bytes);

}  // namespace leat::topic_keys
