#include "connectors/topic/embedded/access.h"

#include "store/topics/topic_log.h"

namespace leat::topic::embedded {

Result<std::vector<TopicFacts>> EmbeddedAccess::Describe(const std::string& only) {
  std::vector<std::string> names = {only};
  if (only.empty()) names = log_.Names();
  std::vector<TopicFacts> all;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const TopicInfo info, log_.Describe(name));
    TopicFacts& topic =
        all.emplace_back(TopicFacts{name, info.settings, info.created, {}});
    for (const PartitionInfo& p : info.partitions) {
      topic.partitions.push_back({p.offsets, p.bytes, p.segments, p.newest});
    }
  }
  return all;
}

Result<int> EmbeddedAccess::Partitions(const std::string& topic) {
  ASSIGN_OR_RETURN(const TopicSettings settings, log_.Settings(topic));
  return settings.partitions;
}

Status EmbeddedAccess::Create(const std::string& topic, const TopicSettings& settings) {
  return log_.Create(topic, settings);
}

Status EmbeddedAccess::Delete(const std::string& topic) { return log_.Delete(topic); }

Result<TopicAccess::Ranges> EmbeddedAccess::GetRanges(
    const std::vector<TopicPartition>& partitions) {
  Ranges ranges;
  for (const TopicPartition& partition : partitions) {
    // Its one error: it is not there.
    if (auto range = log_.Range(partition); range.ok()) ranges[partition] = *range;
  }
  return ranges;
}

Result<int64_t> EmbeddedAccess::OffsetAt(const TopicPartition& partition,
                                         int64_t millis) {
  return log_.OffsetAt(partition, millis);
}

Result<std::optional<FetchedSegment>> EmbeddedAccess::Fetch(
    const TopicPartition& partition, int64_t from) {
  return log_.Fetch(partition, from);
}

Status EmbeddedAccess::Append(const std::string& topic,
                              const std::map<int32_t, Records>& records) {
  for (const auto& [partition, some] : records) {
    RETURN_IF_ERROR(log_.Append({topic, partition}, some).status());
  }
  return Status::Ok();
}

Status EmbeddedAccess::DeleteRecords(const std::map<TopicPartition, int64_t>& before) {
  for (const auto& [partition, offset] : before) {
    RETURN_IF_ERROR(log_.DeleteRecords(partition, offset));
  }
  return Status::Ok();
}

Result<std::vector<GroupFacts>> EmbeddedAccess::Groups(const std::string& only) {
  ASSIGN_OR_RETURN(const auto all, log_.groups().All());
  std::vector<GroupFacts> facts;
  for (const auto& [group, offsets] : all) {
    if (!only.empty() && group != only) continue;
    for (const auto& [partition, at] : offsets) {
      facts.push_back({group, partition, at.offset, at.time,
                       log_.groups().ReaderOf(group, partition.topic)});
    }
  }
  return facts;
}

Status EmbeddedAccess::SetOffsets(const std::string& group,
                                  const std::map<TopicPartition, int64_t>& offsets) {
  for (const auto& [partition, offset] : offsets) {
    RETURN_IF_ERROR(log_.groups().Reset(group, partition, offset));
  }
  log_.Wake();
  return Status::Ok();
}

Status EmbeddedAccess::DeleteGroup(const std::string& group) {
  ASSIGN_OR_RETURN(const bool there, log_.groups().Delete(group));
  return there ? Status::Ok() : Status::Config("there is no group \"" + group + "\"");
}

}  // namespace leat::topic::embedded
