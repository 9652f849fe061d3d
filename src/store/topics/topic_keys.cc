#include "store/topics/topic_keys.h"

#include "base/bytes.h"

namespace leat::topic_keys {
namespace {

template <typename... Names>
std::string Key(char kind, const Names&... names) {
  std::string key(1, kind);
  ((key += names, key += '\0'), ...);
  return key;
}

std::string Short(int32_t number) {
  return Number(static_cast<uint64_t>(number)).substr(4);
}

}  // namespace

std::string Number(uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes += static_cast<char>(number >> shift);
  return bytes;
}

uint64_t ReadNumber(std::string_view bytes) { return ByteReader(bytes).Big(8); }

std::string Topic(std::string_view name) { return Key(kTopic, name); }

std::string Of(char kind, const TopicPartition& partition) {
  return Key(kind, partition.topic) + Short(partition.partition);
}

std::string Segment(const TopicPartition& partition, int64_t first) {
  return Of(kSegment, partition) + Number(static_cast<uint64_t>(first));
}

std::string Staged(const PipelineWorker& worker) {
  return Key(kStaged, worker.pipeline, std::to_string(worker.worker));
}

std::string Staged(const PipelineWorker& worker, uint64_t id) {
  return Staged(worker) + Number(id);
}

std::string Token(std::string_view pipeline, std::string_view shard) {
  return Key(kToken, pipeline, shard);
}

std::string Group(std::string_view group, const TopicPartition& partition) {
  return Key(kGroup, group, partition.topic) + Short(partition.partition);
}

std::string Schema(std::string_view name) { return Key(kSchema, name); }

std::optional<GroupKey> ReadGroup(std::string_view key) {
  if (key.empty() || key[0] != kGroup) return std::nullopt;
  const size_t group = key.find('\0', 1);
  if (group == std::string_view::npos) return std::nullopt;
  const size_t topic = key.find('\0', group + 1);
  if (topic == std::string_view::npos || key.size() != topic + 5) return std::nullopt;
  GroupKey read;
  read.group = key.substr(1, group - 1);
  read.partition.topic = key.substr(group + 1, topic - group - 1);
  read.partition.partition =
      static_cast<int32_t>(ByteReader(key.substr(topic + 1)).Big(4));
  return read;
}

std::string Encode(const OffsetRange& offsets, int64_t clean) {
  std::string bytes;
  for (const int64_t number : {offsets.start, offsets.end, clean}) {
    bytes += Number(static_cast<uint64_t>(number));
  }
  return bytes;
}

std::string Encode(const SegmentEntry& entry) {
  std::string bytes;
  for (const int64_t number :
       {static_cast<int64_t>(entry.segment.id), entry.segment.count, entry.segment.bytes,
        entry.segment.min_time, entry.segment.max_time, entry.first, entry.appended}) {
    bytes += Number(static_cast<uint64_t>(number));
  }
  return bytes + Short(entry.segment.to.partition) + entry.segment.to.topic;
}

std::optional<SegmentEntry> DecodeEntry(std::string_view bytes) {
  ByteReader in(bytes);
  auto number = [&in] { return static_cast<int64_t>(in.Big(8)); };
  SegmentEntry entry;
  entry.segment.id = in.Big(8);
  entry.segment.count = number();
  entry.segment.bytes = number();
  entry.segment.min_time = number();
  entry.segment.max_time = number();
  entry.first = number();
  entry.appended = number();
  entry.segment.to.partition = static_cast<int32_t>(in.Big(4));
  entry.segment.to.topic = in.Bytes(in.left());
  if (in.failed()) return std::nullopt;
  return entry;
}

}  // namespace leat::topic_keys
