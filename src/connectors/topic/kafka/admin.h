// What a cluster is asked to do, or to say, about topics and consumer groups. Any thread
// that owns the client may call. Errors: as the client's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "connectors/topic/kafka/client.h"
#include "core/project_settings.h"

namespace leat::topic::kafka {

class Admin {
 public:
  // Borrows the client.
  Admin(Client& client, Millis timeout) : client_(client), timeout_(timeout) {}

  // The topic's configuration; nothing when there is no such topic.
  using TopicConfig = std::map<std::string, std::string>;
  Result<std::optional<TopicConfig>> Describe(const std::string& topic);
  // The same of many; those that are not there, or not ours to see, are left out.
  Result<std::map<std::string, TopicConfig>> Describe(
      const std::vector<std::string>& topics);
  // A replication of 0 is left to the cluster. A topic that is there already is fine.
  Status Create(const std::string& topic, int partitions, int replication,
                const TopicConfig& config);
  Status Delete(const std::string& topic);
  // Records before these offsets.
  Status DeleteRecords(const std::map<Partition, int64_t>& before);

  // Every group of consumers.
  Result<std::vector<std::string>> Groups();
  // What a group committed: an offset and the text that stands beside it.
  struct Committed {
    int64_t offset = 0;
    std::string metadata;
  };
  // Partitions without an offset are left out. `stable`: nothing while a transaction is
  // about to commit offsets of the group (KIP-447); ask again.
  using Offsets = std::map<Partition, Committed>;
  Result<std::optional<Offsets>> GroupOffsets(const std::string& group,
                                              const std::vector<Partition>& partitions,
                                              bool stable);
  // What the members of a group read; nothing while it is being dealt.
  Result<std::optional<std::set<Partition>>> Dealt(const std::string& group);
  // All that it committed, as it stands now.
  Result<Offsets> GroupOffsets(const std::string& group);
  // Which member of which of these groups reads a partition: "instance@host".
  using Readers = std::map<std::pair<std::string, Partition>, std::string>;
  Result<Readers> ReadersOf(const std::vector<std::string>& groups);
  // The offsets without any mark. kConfig while the group has members.
  Status SetOffsets(const std::string& group,
                    const std::map<Partition, int64_t>& offsets);
  // kConfig while it has members, or when it is not there.
  Status DeleteGroup(const std::string& group);

 private:
  // Of all partitions: null.
  Result<std::optional<Offsets>> GroupOffsets(const std::string& group,
                                              const rd_kafka_topic_partition_list_t* of,
                                              bool stable);

  Client& client_;
  const Millis timeout_;
};

// What Kafka calls the settings that a project declares, and the other way round.
Admin::TopicConfig ConfigOf(const TopicSettings& settings);
TopicSettings SettingsOf(const Admin::TopicConfig& config);

}  // namespace leat::topic::kafka
