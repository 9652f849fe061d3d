// ConsumerGroups: how far each group has read in each partition of the embedded topics.
// A group's reader publishes it after its sink has committed; somebody may set it by
// hand, and then the reader goes there. A group is known from the first offset it has
// until it is deleted, and holds retention back as long.
//
// Owned by the TopicLog. Thread-safe. Errors: the database's.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/status.h"
#include "store/topics/topic.h"

namespace leat {

class Database;

class ConsumerGroups {
 public:
  explicit ConsumerGroups(Database& database) : database_(database) {}

  // `resets`: as the reader's position has them. Not synced: it may fall back in a crash,
  // the position in the sink does not. Left alone when somebody has reset it meanwhile.
  Status Commit(const std::string& group, const TopicPartition& partition, int64_t offset,
                int64_t resets);
  // Durable. The reader's next record is that one, wherever it stands now.
  Status Reset(const std::string& group, const TopicPartition& partition, int64_t offset);
  Result<std::optional<GroupOffset>> Get(const std::string& group,
                                         const TopicPartition& partition) const;
  Result<std::map<std::string, GroupOffsets>> All() const;
  // False: there is no such group.
  Result<bool> Delete(const std::string& group);
  // A pipeline reads the topic as the group, as long as Leave has not been called as
  // often. kConfig while another pipeline does: their positions would not know of each
  // other.
  Status Join(const std::string& group, const std::string& topic,
              const std::string& pipeline);
  void Leave(const std::string& group, const std::string& topic);
  // The pipeline that reads the topic as the group now; empty: none.
  std::string ReaderOf(const std::string& group, const std::string& topic) const;

  // The least offset of any group in the partition; nothing: no group reads it.
  Result<std::optional<int64_t>> Least(const TopicPartition& partition) const;

  // Rises with each reset, so that readers need not ask for nothing.
  uint64_t resets() const { return resets_; }

 private:
  Status Put(const std::string& group, const TopicPartition& partition,
             const GroupOffset& offset, bool sync);

  Database& database_;
  mutable std::mutex mutex_;  // reading an offset and writing it are one step
  struct Reader {
    std::string pipeline;
    int workers = 0;
  };
  std::map<std::pair<std::string, std::string>, Reader> readers_;  // by group and topic
  std::atomic<uint64_t> resets_ = 0;
};

}  // namespace leat
