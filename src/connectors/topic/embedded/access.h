// The commands' access to embedded topics: the log itself.
#pragma once

#include "connectors/topic/access.h"

namespace leat {
class TopicLog;
}

namespace leat::topic::embedded {

class EmbeddedAccess final : public TopicAccess {
 public:
  // Borrows the log.
  explicit EmbeddedAccess(TopicLog& log) : log_(log) {}

  Result<std::vector<TopicFacts>> Describe(const std::string& only) override;
  Result<int> Partitions(const std::string& topic) override;
  Status Create(const std::string& topic, const TopicSettings& settings) override;
  Status Delete(const std::string& topic) override;
  Result<Ranges> GetRanges(const std::vector<TopicPartition>& partitions) override;
  Result<int64_t> OffsetAt(const TopicPartition& partition, int64_t millis) override;
  Result<std::optional<FetchedSegment>> Fetch(const TopicPartition& partition,
                                              int64_t from) override;
  Status Append(const std::string& topic,
                const std::map<int32_t, Records>& records) override;
  Status DeleteRecords(const std::map<TopicPartition, int64_t>& before) override;
  Result<std::vector<GroupFacts>> Groups(const std::string& only) override;
  Status SetOffsets(const std::string& group,
                    const std::map<TopicPartition, int64_t>& offsets) override;
  Status DeleteGroup(const std::string& group) override;

 private:
  TopicLog& log_;
};

}  // namespace leat::topic::embedded
