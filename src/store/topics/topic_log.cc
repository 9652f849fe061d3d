#include "store/topics/topic_log.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <algorithm>

#include "base/bytes.h"
#include "core/json.h"
#include "store/database.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kUpkeepEvery = std::chrono::seconds(10);

std::string EncodeSettings(const TopicSettings& s, size_t partitions, int64_t created) {
  return DumpJson(Json{{"partitions", partitions},
                       {"retention_us", s.retention.count()},
                       {"retention_bytes", s.retention_bytes},
                       {"compact", s.compact},
                       {"created", created}});
}

}  // namespace

Result<std::unique_ptr<TopicLog>> TopicLog::Open(Database& database) {
  std::unique_ptr<TopicLog> log(new TopicLog(database));
  RETURN_IF_ERROR(log->Load());
  return log;
}

TopicLog::TopicLog(Database& database)
    : database_(database), groups_(database), schemas_(database) {}

TopicLog::~TopicLog() {
  closing_.Cancel();
  if (upkeep_.joinable()) upkeep_.join();
}

Status TopicLog::Load() {
  std::unique_ptr<rocksdb::Iterator> last(
      database_.rocks().NewIterator(rocksdb::ReadOptions(), database_.segments()));
  last->SeekToLast();
  if (last->Valid()) next_id_ = topic_keys::ReadNumber(last->key().ToStringView()) + 1;
  if (!last->status().ok()) return database_.ReadError(last->status());
  const std::string prefix(1, topic_keys::kTopic);
  auto it = database_.Seek(prefix);
  for (; Within(*it, prefix); it->Next()) {
    const std::string key = it->key().ToString();
    const std::string name = key.substr(1, key.size() - 2);
    const Json json = TryParseJson<Json>(it->value().ToStringView());
    if (json.is_discarded()) {
      return database_.ReadError(rocksdb::Status::Corruption("topic " + name));
    }
    Topic topic;
    topic.settings.retention = Micros(json.value("retention_us", int64_t{0}));
    topic.settings.retention_bytes = json.value("retention_bytes", int64_t{0});
    topic.settings.compact = json.value("compact", false);
    topic.settings.partitions = json.value("partitions", 1);
    topic.created = json.value("created", int64_t{0});
    for (int32_t p = 0; p < topic.settings.partitions; p++) {
      ASSIGN_OR_RETURN(auto value,
                       database_.Get(topic_keys::Of(topic_keys::kPartition, {name, p})));
      ByteReader in(value ? std::string_view(*value) : std::string_view());
      Topic::Partition& partition = topic.partitions.emplace_back();
      partition.offsets.start = static_cast<int64_t>(in.Big(8));
      partition.offsets.end = static_cast<int64_t>(in.Big(8));
      partition.clean = static_cast<int64_t>(in.Big(8));
    }
    topics_[name] = std::move(topic);
  }
  if (!it->status().ok()) return database_.ReadError(it->status());
  if (!topics_.empty()) StartUpkeep();
  return Status::Ok();
}

// One thread for all of them, from the first topic on.
void TopicLog::StartUpkeep() {
  if (upkeep_.joinable()) return;
  upkeep_ = std::thread([this] {
    while (!closing_.WaitFor(kUpkeepEvery)) {
      // What fails here is tried again; a store that cannot be written tells its writers.
      if (!Retain(NowMillis()).ok()) continue;
      (void)Compact(NowMillis(), /*all=*/false);
    }
  });
}

void TopicLog::Bump() {
  version_++;
  changed_.notify_all();
}

Status TopicLog::PutTopic(const std::string& name, Topic topic) {
  rocksdb::WriteBatch batch;
  batch.Put(topic_keys::Topic(name),
            EncodeSettings(topic.settings, topic.partitions.size(), topic.created));
  for (size_t p = 0; p < topic.partitions.size(); p++) {
    batch.Put(topic_keys::Of(topic_keys::kPartition, {name, static_cast<int32_t>(p)}),
              topic_keys::Encode(topic.partitions[p].offsets, topic.partitions[p].clean));
  }
  RETURN_IF_ERROR(database_.Write(&batch, /*sync=*/true));
  std::lock_guard lock(mutex_);
  topics_[name] = std::move(topic);
  shape_++;
  StartUpkeep();
  Bump();
  return Status::Ok();
}

Status TopicLog::Create(const std::string& name, const TopicSettings& settings) {
  std::lock_guard write(write_mutex_);
  Topic topic;
  {
    std::lock_guard lock(mutex_);
    if (auto found = topics_.find(name); found != topics_.end()) topic = found->second;
  }
  if (topic.created == 0) topic.created = NowMillis();
  topic.settings = settings;
  while (topic.partitions.size() < static_cast<size_t>(settings.partitions)) {
    // One that was deleted goes on where it ended.
    const auto p = static_cast<int32_t>(topic.partitions.size());
    ASSIGN_OR_RETURN(auto value,
                     database_.Get(topic_keys::Of(topic_keys::kPartition, {name, p})));
    int64_t end = 0;
    if (value) end = static_cast<int64_t>(topic_keys::ReadNumber(value->substr(8)));
    topic.partitions.push_back({{end, end}, end});
  }
  topic.settings.partitions = static_cast<int>(topic.partitions.size());
  return PutTopic(name, std::move(topic));
}

Status TopicLog::CreateMissing(const std::string& name, const TopicSettings& settings) {
  {
    std::lock_guard lock(mutex_);
    if (topics_.contains(name)) return Status::Ok();
  }
  return Create(name, settings);
}

Status TopicLog::Delete(const std::string& name) {
  std::lock_guard write(write_mutex_);
  ASSIGN_OR_RETURN(const TopicSettings settings, Settings(name));
  for (int32_t p = 0; p < settings.partitions; p++) {
    RETURN_IF_ERROR(Forget({name, p}, INT64_MAX));
  }
  rocksdb::WriteBatch batch;
  batch.Delete(topic_keys::Topic(name));
  ASSIGN_OR_RETURN(auto groups, groups_.All());
  for (const auto& [group, offsets] : groups) {
    for (const auto& [partition, offset] : offsets) {
      if (partition.topic == name) batch.Delete(topic_keys::Group(group, partition));
    }
  }
  RETURN_IF_ERROR(database_.Write(&batch, /*sync=*/true));
  std::lock_guard lock(mutex_);
  topics_.erase(name);
  shape_++;
  Bump();
  return Status::Ok();
}

std::vector<std::string> TopicLog::Names() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, topic] : topics_) names.push_back(name);
  return names;
}

Result<TopicSettings> TopicLog::Settings(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto found = topics_.find(name);
  if (found != topics_.end()) return found->second.settings;
  return Status::Config("there is no topic \"" + name +
                        "\"; declare it under topics in leat.yaml, or run a pipeline "
                        "that writes it");
}

Result<TopicLog::Topic::Partition> TopicLog::PartitionOf(
    const TopicPartition& partition) const {
  {
    std::lock_guard lock(mutex_);
    auto found = topics_.find(partition.topic);
    const auto at = static_cast<size_t>(partition.partition);
    if (found != topics_.end() && partition.partition >= 0 &&
        at < found->second.partitions.size()) {
      return found->second.partitions[at];
    }
  }
  RETURN_IF_ERROR(Settings(partition.topic).status());
  return Status::Config("topic " + partition.topic + " has no partition " +
                        std::to_string(partition.partition));
}

void TopicLog::SetPartition(const TopicPartition& partition,
                            const Topic::Partition& now) {
  std::lock_guard lock(mutex_);
  topics_[partition.topic].partitions[static_cast<size_t>(partition.partition)] = now;
  Bump();
}

Result<OffsetRange> TopicLog::Range(const TopicPartition& partition) const {
  ASSIGN_OR_RETURN(const Topic::Partition found, PartitionOf(partition));
  return found.offsets;
}

Result<TopicInfo> TopicLog::Describe(const std::string& name) const {
  TopicInfo info;
  info.name = name;
  std::vector<Topic::Partition> partitions;
  {
    std::lock_guard lock(mutex_);
    if (auto found = topics_.find(name); found != topics_.end()) {
      info.settings = found->second.settings;
      info.created = found->second.created;
      partitions = found->second.partitions;
    }
  }
  if (partitions.empty()) return Settings(name).status();
  for (size_t p = 0; p < partitions.size(); p++) {
    PartitionInfo& out = info.partitions.emplace_back();
    out.offsets = partitions[p].offsets;
    ASSIGN_OR_RETURN(auto entries, Entries({name, static_cast<int32_t>(p)}));
    for (const Entry& entry : entries) {
      out.bytes += entry.segment.bytes;
      out.segments++;
      out.newest = std::max(out.newest, entry.segment.max_time);
    }
  }
  return info;
}

void TopicLog::Wake() {
  std::lock_guard lock(mutex_);
  Bump();
}

uint64_t TopicLog::version() const {
  std::lock_guard lock(mutex_);
  return version_;
}

uint64_t TopicLog::WaitPast(uint64_t seen, SteadyTime deadline) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return version_ > seen; });
  return version_;
}

}  // namespace leat
