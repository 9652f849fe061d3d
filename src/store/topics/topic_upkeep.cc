// TopicLog's upkeep: what is forgotten, and when.
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <xxhash.h>

#include <algorithm>
#include <unordered_map>

#include "store/database.h"
#include "store/topics/topic_log.h"

namespace leat {
namespace {

// One round of a compaction; a topic of more keys needs several.
constexpr size_t kMostKeys = 1'000'000;
// How long readers can see that a key was deleted.
constexpr int64_t kTombstoneMillis = 24 * 3'600'000;

struct KeyHash {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const KeyHash&) const = default;
};
struct HashOfHash {
  size_t operator()(const KeyHash& key) const { return key.low; }
};
// The newest offset of each key.
using Newest = std::unordered_map<KeyHash, int64_t, HashOfHash>;

KeyHash HashOf(std::string_view key) {
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  return {hash.low64, hash.high64};
}

// Calls visit(key or nullptr, offset in the segment, is a tombstone) for each row.
template <typename Visit>
void ForEachKey(const Segment& segment, const Visit& visit) {
  const auto offsets = OffsetsOf(segment);
  if (segment.records) {
    const Records& r = *segment.records;
    for (int64_t i = 0; i < r.size(); i++) {
      const KeyHash key = r.keys->IsNull(i) ? KeyHash() : HashOf(r.keys->GetView(i));
      visit(r.keys->IsNull(i) ? nullptr : &key, offsets[0][static_cast<size_t>(i)],
            r.values->IsNull(i));
    }
    return;
  }
  for (size_t c = 0; c < segment.chunks.size(); c++) {
    const Chunk& chunk = segment.chunks[c];
    for (int64_t i = 0; i < chunk.size(); i++) {
      const auto row = static_cast<size_t>(i);
      const bool has = !segment.keys.empty() && !segment.keys[c]->IsNull(i);
      const KeyHash key = has ? HashOf(segment.keys[c]->GetView(i)) : KeyHash();
      visit(has ? &key : nullptr, offsets[c][row], chunk.ops[row] == Op::kDelete);
    }
  }
}

}  // namespace

Status TopicLog::Drop(const TopicPartition& partition, const std::vector<Entry>& entries,
                      int64_t start) {
  ASSIGN_OR_RETURN(Topic::Partition now, PartitionOf(partition));
  now.offsets.start = std::clamp(start, now.offsets.start, now.offsets.end);
  now.clean = std::max(now.clean, now.offsets.start);
  rocksdb::WriteBatch batch;
  batch.Put(topic_keys::Of(topic_keys::kPartition, partition),
            topic_keys::Encode(now.offsets, now.clean));
  for (const Entry& entry : entries) {
    batch.Delete(topic_keys::Segment(partition, entry.first));
    batch.Delete(database_.segments(), topic_keys::Number(entry.segment.id));
  }
  RETURN_IF_ERROR(database_.Write(&batch, /*sync=*/false));
  SetPartition(partition, now);
  return Status::Ok();
}

Status TopicLog::DeleteRecords(const TopicPartition& partition, int64_t before) {
  std::lock_guard write(write_mutex_);
  return Forget(partition, before);
}

Status TopicLog::Forget(const TopicPartition& partition, int64_t before) {
  ASSIGN_OR_RETURN(auto entries, Entries(partition));
  std::erase_if(entries, [&](const Entry& entry) {
    return entry.first + entry.segment.count > before;
  });
  return Drop(partition, entries, before);
}

Status TopicLog::Retain(int64_t now) {
  for (const std::string& name : Names()) {
    auto settings = Settings(name);
    if (!settings.ok()) continue;  // deleted meanwhile
    if (settings->retention.count() == 0 && settings->retention_bytes == 0) continue;
    for (int32_t p = 0; p < settings->partitions; p++) {
      RETURN_IF_ERROR(RetainPartition({name, p}, *settings, now));
    }
  }
  return Status::Ok();
}

Status TopicLog::RetainPartition(const TopicPartition& partition,
                                 const TopicSettings& settings, int64_t now) {
  std::lock_guard write(write_mutex_);
  ASSIGN_OR_RETURN(auto entries, Entries(partition));
  ASSIGN_OR_RETURN(auto least, groups_.Least(partition));
  int64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.segment.bytes;
  const int64_t oldest = now - settings.retention.count() / 1000;
  size_t gone = 0;
  int64_t start = 0;
  for (; gone < entries.size(); gone++) {
    const Entry& entry = entries[gone];
    const bool old = settings.retention.count() > 0 && entry.appended < oldest;
    const bool much = settings.retention_bytes > 0 && bytes > settings.retention_bytes;
    const int64_t end = entry.first + entry.segment.count;
    if ((!old && !much) || (least && end > *least)) break;
    bytes -= entry.segment.bytes;
    start = end;
  }
  if (gone == 0) return Status::Ok();
  entries.resize(gone);
  return Drop(partition, entries, start);
}

Status TopicLog::Compact(int64_t now, bool all) {
  for (const std::string& name : Names()) {
    auto settings = Settings(name);
    if (!settings.ok() || !settings->compact) continue;
    for (int32_t p = 0; p < settings->partitions; p++) {
      RETURN_IF_ERROR(CompactPartition({name, p}, now, all));
    }
  }
  return Status::Ok();
}

Status TopicLog::CompactPartition(const TopicPartition& partition, int64_t now,
                                  bool all) {
  ASSIGN_OR_RETURN(const Topic::Partition before, PartitionOf(partition));
  ASSIGN_OR_RETURN(const auto entries, Entries(partition));
  int64_t bytes = 0, fresh = 0;
  for (const Entry& entry : entries) {
    bytes += entry.segment.bytes;
    if (entry.first >= before.clean) fresh += entry.segment.bytes;
  }
  if (fresh == 0 || (!all && fresh * 2 < bytes)) return Status::Ok();
  Newest newest;
  int64_t clean = before.clean;
  for (const Entry& entry : entries) {
    if (entry.first < before.clean) continue;
    if (newest.size() >= kMostKeys || closing_.cancelled()) break;
    auto segment = ReadSegment(entry.segment.id);
    if (!segment.ok()) return segment.status();
    ForEachKey(*segment, [&](const KeyHash* key, int64_t offset, bool) {
      if (!key) return;
      int64_t& known = newest[*key];
      known = std::max(known, entry.first + offset + 1);
    });
    clean = entry.first + entry.segment.count;
  }
  for (const Entry& entry : entries) {
    if (entry.first >= clean || closing_.cancelled()) break;
    ASSIGN_OR_RETURN(Segment segment, ReadSegment(entry.segment.id));
    std::vector<int64_t> keep;
    const bool forget = entry.appended + kTombstoneMillis < now;
    ForEachKey(segment, [&](const KeyHash* key, int64_t offset, bool tombstone) {
      auto found = key ? newest.find(*key) : newest.end();
      const bool replaced =
          found != newest.end() && entry.first + offset + 1 < found->second;
      if (!replaced && !(key && tombstone && forget)) keep.push_back(offset);
    });
    if (static_cast<int64_t>(keep.size()) == segment.rows()) continue;
    std::ranges::sort(keep);
    RETURN_IF_ERROR(Rewrite(partition, entry, std::move(segment), keep));
  }
  std::lock_guard write(write_mutex_);
  ASSIGN_OR_RETURN(Topic::Partition after, PartitionOf(partition));
  after.clean = std::max(clean, after.offsets.start);
  SetPartition(partition, after);
  return Drop(partition, {}, after.offsets.start);
}

Status TopicLog::Rewrite(const TopicPartition& partition, const Entry& entry,
                         Segment segment, const std::vector<int64_t>& keep) {
  RETURN_IF_ERROR(KeepRows(keep, &segment));
  std::lock_guard write(write_mutex_);
  // Retention may have taken it meanwhile.
  ASSIGN_OR_RETURN(auto now, EntryAt(partition, entry.first));
  if (!now || now->segment.id != entry.segment.id) return Status::Ok();
  rocksdb::WriteBatch batch;
  batch.Delete(database_.segments(), topic_keys::Number(entry.segment.id));
  if (keep.empty() && segment.events.empty()) {
    batch.Delete(topic_keys::Segment(partition, entry.first));
  } else {
    ASSIGN_OR_RETURN(const std::string bytes, Encode(segment));
    Entry rewritten = entry;
    rewritten.segment.id = next_id_++;
    rewritten.segment.bytes = static_cast<int64_t>(bytes.size());
    batch.Put(database_.segments(), topic_keys::Number(rewritten.segment.id), bytes);
    batch.Put(topic_keys::Segment(partition, entry.first), topic_keys::Encode(rewritten));
  }
  return database_.Write(&batch, /*sync=*/false);
}

}  // namespace leat
