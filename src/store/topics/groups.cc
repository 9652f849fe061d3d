#include "store/topics/groups.h"

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "store/database.h"
#include "store/topics/topic_keys.h"

namespace leat {
namespace {

GroupOffset Decode(std::string_view bytes) {
  ByteReader in(bytes);
  GroupOffset offset;
  offset.offset = static_cast<int64_t>(in.Big(8));
  offset.resets = static_cast<int64_t>(in.Big(8));
  offset.time = static_cast<int64_t>(in.Big(8));
  return offset;
}

}  // namespace

Status ConsumerGroups::Put(const std::string& group, const TopicPartition& partition,
                           const GroupOffset& offset, bool sync) {
  std::string value;
  for (const int64_t number : {offset.offset, offset.resets, offset.time}) {
    value += topic_keys::Number(static_cast<uint64_t>(number));
  }
  rocksdb::WriteBatch batch;
  batch.Put(topic_keys::Group(group, partition), value);
  return database_.Write(&batch, sync);
}

Status ConsumerGroups::Commit(const std::string& group, const TopicPartition& partition,
                              int64_t offset, int64_t resets) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto known, Get(group, partition));
  if (known && known->resets > resets) return Status::Ok();
  return Put(group, partition, {offset, resets, NowMillis()}, /*sync=*/false);
}

Status ConsumerGroups::Reset(const std::string& group, const TopicPartition& partition,
                             int64_t offset) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto known, Get(group, partition));
  const int64_t resets = known ? known->resets + 1 : 1;
  RETURN_IF_ERROR(Put(group, partition, {offset, resets, NowMillis()}, /*sync=*/true));
  resets_++;
  return Status::Ok();
}

Result<std::optional<GroupOffset>> ConsumerGroups::Get(
    const std::string& group, const TopicPartition& partition) const {
  ASSIGN_OR_RETURN(auto value, database_.Get(topic_keys::Group(group, partition)));
  if (!value) return std::optional<GroupOffset>();
  return std::optional(Decode(*value));
}

Result<std::map<std::string, GroupOffsets>> ConsumerGroups::All() const {
  std::map<std::string, GroupOffsets> all;
  const std::string prefix(1, topic_keys::kGroup);
  auto it = database_.Seek(prefix);
  for (; Within(*it, prefix); it->Next()) {
    auto key = topic_keys::ReadGroup(it->key().ToStringView());
    if (key) all[key->group][key->partition] = Decode(it->value().ToStringView());
  }
  if (!it->status().ok()) return database_.ReadError(it->status());
  return all;
}

Result<bool> ConsumerGroups::Delete(const std::string& group) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto all, All());
  rocksdb::WriteBatch batch;
  for (const auto& [partition, offset] : all[group]) {
    batch.Delete(topic_keys::Group(group, partition));
  }
  if (batch.Count() == 0) return false;
  RETURN_IF_ERROR(database_.Write(&batch, /*sync=*/true));
  return true;
}

Status ConsumerGroups::Join(const std::string& group, const std::string& topic,
                            const std::string& pipeline) {
  std::lock_guard lock(mutex_);
  Reader& reader = readers_[{group, topic}];
  if (reader.workers > 0 && reader.pipeline != pipeline) {
    return Status::Config("pipeline " + reader.pipeline + " reads topic " + topic +
                          " as group " + group + " already; give pipeline " + pipeline +
                          " a group of its own, or the other one more workers");
  }
  reader.pipeline = pipeline;
  reader.workers++;
  return Status::Ok();
}

void ConsumerGroups::Leave(const std::string& group, const std::string& topic) {
  std::lock_guard lock(mutex_);
  auto found = readers_.find({group, topic});
  if (found != readers_.end() && --found->second.workers == 0) readers_.erase(found);
}

std::string ConsumerGroups::ReaderOf(const std::string& group,
                                     const std::string& topic) const {
  std::lock_guard lock(mutex_);
  auto found = readers_.find({group, topic});
  return found == readers_.end() ? std::string() : found->second.pipeline;
}

Result<std::optional<int64_t>> ConsumerGroups::Least(
    const TopicPartition& partition) const {
  ASSIGN_OR_RETURN(auto all, All());
  std::optional<int64_t> least;
  for (const auto& [group, offsets] : all) {
    auto found = offsets.find(partition);
    if (found == offsets.end()) continue;
    least = std::min(least.value_or(INT64_MAX), found->second.offset);
  }
  return least;
}

}  // namespace leat
