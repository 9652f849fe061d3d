// TopicLog's readers.
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

#include <cstring>

#include "store/database.h"
#include "store/topics/topic_log.h"

namespace leat {
namespace {

Status NoEntry(const Database& database, const TopicPartition& partition) {
  return database.ReadError(
      rocksdb::Status::Corruption("a segment of " + partition.ToString()));
}

}  // namespace

Result<std::vector<TopicLog::Entry>> TopicLog::Entries(
    const TopicPartition& partition) const {
  std::vector<Entry> entries;
  const std::string prefix = topic_keys::Of(topic_keys::kSegment, partition);
  auto it = database_.Seek(prefix);
  for (; Within(*it, prefix); it->Next()) {
    auto entry = topic_keys::DecodeEntry(it->value().ToStringView());
    if (!entry) return NoEntry(database_, partition);
    entries.push_back(*std::move(entry));
  }
  if (!it->status().ok()) return database_.ReadError(it->status());
  return entries;
}

// The last one that begins at or before `from`, if it reaches that far; else the next.
Result<std::optional<TopicLog::Entry>> TopicLog::EntryAt(const TopicPartition& partition,
                                                         int64_t from) const {
  const std::string prefix = topic_keys::Of(topic_keys::kSegment, partition);
  const std::string key = topic_keys::Segment(partition, from);
  auto it = database_.Seek(key);
  std::optional<Entry> entry;
  if (!Within(*it, prefix) || it->key() != key) {
    it->SeekForPrev(key);
    if (Within(*it, prefix)) entry = topic_keys::DecodeEntry(it->value().ToStringView());
    if (entry && entry->first + entry->segment.count > from) return entry;
    it->Seek(key);
  }
  if (!it->status().ok()) return database_.ReadError(it->status());
  if (!Within(*it, prefix)) return std::optional<Entry>();
  entry = topic_keys::DecodeEntry(it->value().ToStringView());
  if (!entry) return NoEntry(database_, partition);
  return entry;
}

Result<Segment> TopicLog::ReadSegment(uint64_t id) const {
  rocksdb::PinnableSlice value;
  rocksdb::Status s = database_.rocks().Get(rocksdb::ReadOptions(), database_.segments(),
                                            topic_keys::Number(id), &value);
  if (s.IsNotFound()) return Status::Transient("a segment of a topic was just deleted");
  if (!s.ok()) return database_.ReadError(s);
  auto bytes = arrow::AllocateBuffer(static_cast<int64_t>(value.size()));
  if (!bytes.ok()) return Status::Bug("no memory: " + bytes.status().ToString());
  std::memcpy((*bytes)->mutable_data(), value.data(), value.size());
  return DecodeSegment(*std::move(bytes),
                       [this](const std::string& name) { return schemas_.Find(name); });
}

Result<std::optional<FetchedSegment>> TopicLog::Fetch(const TopicPartition& partition,
                                                      int64_t from) const {
  for (uint64_t missing = 0;;) {
    ASSIGN_OR_RETURN(const Topic::Partition bounds, PartitionOf(partition));
    const int64_t at = std::max(from, bounds.offsets.start);
    if (at >= bounds.offsets.end) return std::optional<FetchedSegment>();
    ASSIGN_OR_RETURN(auto entry, EntryAt(partition, at));
    if (!entry) return std::optional<FetchedSegment>();
    auto segment = ReadSegment(entry->segment.id);
    // Retention or compaction came in between: the entry is another one now.
    if (segment.status().kind() == ErrorKind::kTransient) {
      if (missing == entry->segment.id) return NoEntry(database_, partition);
      missing = entry->segment.id;
      continue;
    }
    if (!segment.ok()) return segment.status();
    FetchedSegment fetched{entry->first, entry->first + entry->segment.count,
                           entry->appended, entry->segment.bytes, *std::move(segment)};
    if (at > fetched.first) {
      RETURN_IF_ERROR(CutBefore(at - fetched.first, &fetched.segment));
    }
    return std::optional(std::move(fetched));
  }
}

Result<int64_t> TopicLog::OffsetAt(const TopicPartition& partition, int64_t time) const {
  ASSIGN_OR_RETURN(const Topic::Partition bounds, PartitionOf(partition));
  ASSIGN_OR_RETURN(auto entries, Entries(partition));
  for (const Entry& entry : entries) {
    if (entry.segment.max_time < time) continue;
    ASSIGN_OR_RETURN(const Segment segment, ReadSegment(entry.segment.id));
    const auto offsets = OffsetsOf(segment);
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < offsets.size(); i++) {
      const bool records = segment.records.has_value();
      const std::vector<int64_t>& times =
          records ? segment.records->timestamps : segment.chunks[i].time;
      const int64_t least = records ? time : time * 1000;
      for (size_t row = 0; row < times.size(); row++) {
        if (times[row] >= least) first = std::min(first, offsets[i][row]);
      }
    }
    if (first == INT64_MAX) first = 0;  // rows without a time of their own
    return std::max(entry.first + first, bounds.offsets.start);
  }
  return bounds.offsets.end;
}

}  // namespace leat
