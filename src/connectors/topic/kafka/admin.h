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
  // A replication of 0 is left to the cluster. A topic that is there already is fine.
  Status Create(const std::string& topic, int partitions, int replication,
                const TopicConfig& config);

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

 private:
  Client& client_;
  const Millis timeout_;
};

// What Kafka calls the settings that a project declares.
Admin::TopicConfig ConfigOf(const TopicSettings& settings);

}  // namespace leat::topic::kafka
