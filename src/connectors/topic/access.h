// TopicAccess: what people do with the topics and groups of a project's broker (the
// commands topics, lag and offsets). Each broker has one. What a broker does not know of
// a thing is not there; it is never made up.
//
// One thread at a time. Errors: kConfig for a topic, partition or group that is not there
// and for what the broker refuses; the broker's own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "format/records.h"
#include "store/topics/topic.h"

namespace leat::topic {

struct PartitionFacts {
  OffsetRange offsets;
  std::optional<int64_t> bytes;  // as kept: compressed
  std::optional<int64_t> segments;
  std::optional<int64_t> newest;  // time of the newest record, milliseconds; 0: none
};

struct TopicFacts {
  std::string name;
  std::optional<TopicSettings> settings;  // nothing: we may not see them
  std::optional<int64_t> created;         // milliseconds since 1970 UTC
  std::vector<PartitionFacts> partitions;
};

// How far a group has come in a partition.
struct GroupFacts {
  std::string group;
  TopicPartition partition;
  int64_t offset = 0;           // the next to read
  std::optional<int64_t> time;  // when it was written, milliseconds
  std::string reader;           // who reads the partition as the group now; empty: nobody
};

class TopicAccess {
 public:
  virtual ~TopicAccess() = default;

  // --- Topics.
  // All of them, or the one of that name.
  virtual Result<std::vector<TopicFacts>> Describe(const std::string& only) = 0;
  virtual Result<int> Partitions(const std::string& topic) = 0;
  virtual Status Create(const std::string& topic, const TopicSettings& settings) = 0;
  virtual Status Delete(const std::string& topic) = 0;
  // Partitions that are not there are left out.
  using Ranges = std::map<TopicPartition, OffsetRange>;
  virtual Result<Ranges> GetRanges(const std::vector<TopicPartition>& partitions) = 0;
  // The first offset whose record is not older, or the end.
  virtual Result<int64_t> OffsetAt(const TopicPartition& partition, int64_t millis) = 0;

  // --- Records.
  // Those that anybody may read, from `from` on, with the next offset to ask for; nothing
  // at the end. `from` is in the partition's range, before its end.
  virtual Result<std::optional<FetchedSegment>> Fetch(const TopicPartition& partition,
                                                      int64_t from) = 0;
  // By partition; durable when it returns.
  virtual Status Append(const std::string& topic,
                        const std::map<int32_t, Records>& records) = 0;
  // Those before the offset, whoever has not read them.
  virtual Status DeleteRecords(const std::map<TopicPartition, int64_t>& before) = 0;

  // --- Groups.
  // The offsets of all of them, or of the one of that name.
  virtual Result<std::vector<GroupFacts>> Groups(const std::string& only) = 0;
  // The group's next records are those, wherever its readers stand.
  virtual Status SetOffsets(const std::string& group,
                            const std::map<TopicPartition, int64_t>& offsets) = 0;
  virtual Status DeleteGroup(const std::string& group) = 0;
};

}  // namespace leat::topic
