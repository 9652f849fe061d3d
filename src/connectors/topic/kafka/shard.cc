#include "connectors/topic/kafka/shard.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "core/units.h"

namespace leat::topic::kafka {

ShardId Shard::Id() const {
  return fmt::format("{}/{}/{}", group, partition.topic, partition.number);
}

// From the end: a group's name may hold anything, a topic's no slash.
std::optional<Shard> Shard::Parse(const ShardId& id) {
  size_t last = id.rfind('/');
  if (last == id.npos || last == 0) return std::nullopt;
  size_t before = id.rfind('/', last - 1);
  if (before == id.npos) return std::nullopt;
  auto number = ParseInt(std::string_view(id).substr(last + 1));
  if (!number || *number < 0 || *number > INT32_MAX) return std::nullopt;
  return Shard{id.substr(0, before),
               {id.substr(before + 1, last - before - 1), static_cast<int32_t>(*number)}};
}

Position Place::ToPosition() const {
  std::string text = std::to_string(offset);
  return {learnt.empty() ? text : text + " " + learnt};
}

std::optional<Place> Place::Parse(const Position& position) {
  std::string_view text = position.text;
  std::string_view number = text.substr(0, text.find(' '));
  auto offset = ParseInt(number);
  if (!offset || *offset < 0) return std::nullopt;
  text.remove_prefix(std::min(text.size(), number.size() + 1));
  return Place{*offset, std::string(text)};
}

std::string OffsetMark(int64_t offset) { return fmt::format("leat {}", offset); }

PartitionList MarkedOffsets(const std::map<Partition, int64_t>& offsets) {
  PartitionList list = ListOf(offsets);
  for (int i = 0; i < list->cnt; i++) {
    rd_kafka_topic_partition_t& p = list->elems[i];
    const std::string mark = OffsetMark(p.offset);
    p.metadata = std::malloc(mark.size());  // the list frees it
    p.metadata_size = mark.size();
    std::memcpy(p.metadata, mark.data(), mark.size());
  }
  return list;
}

std::string Lease::Encode() const { return group + '\0' + metadata; }

std::optional<Lease> Lease::Decode(std::string_view text) {
  size_t end = text.find('\0');
  if (end == text.npos) return std::nullopt;
  return Lease{std::string(text.substr(0, end)), std::string(text.substr(end + 1))};
}

}  // namespace leat::topic::kafka
