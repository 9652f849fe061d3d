// GroupOffsets: what a consumer group has committed on the broker, as Leat uses it: to
// start from on the first start, to see that somebody set it by hand, and to show others
// how far the pipeline is. Owned by a source, its thread only. Errors: as the client's.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "connectors/topic/kafka/admin.h"

namespace leat::topic::kafka {

class GroupOffsets {
 public:
  // Borrows the client.
  GroupOffsets(Client& client, std::string group);

  // Asks for the offsets of these partitions.
  Status Fetch(const std::vector<Partition>& partitions);
  // What was found for the partition; the next call answers nothing.
  struct Found {
    int64_t offset = 0;
    bool foreign = false;  // somebody else set it
  };
  std::optional<Found> Take(const Partition& partition);

  // Committed in the sink: to be published.
  void Note(const Partition& partition, int64_t offset) { noted_[partition] = offset; }
  // Publishes what was noted and not yet published.
  enum class When : uint8_t { kNowAndThen, kNow, kNowAndWait };
  Status Publish(When when);
  // Nothing of these partitions is published any more.
  void Forget(const std::vector<Partition>& partitions);

 private:
  Client& client_;
  const std::string group_;
  std::map<Partition, Admin::Committed> found_;
  std::map<Partition, int64_t> noted_;
  std::chrono::steady_clock::time_point published_{};
};

}  // namespace leat::topic::kafka
