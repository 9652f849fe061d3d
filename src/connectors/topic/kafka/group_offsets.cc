#include "connectors/topic/kafka/group_offsets.h"

#include "connectors/topic/kafka/shard.h"

namespace leat::topic::kafka {
namespace {

constexpr auto kPublishEvery = std::chrono::milliseconds(500);

}  // namespace

GroupOffsets::GroupOffsets(Client& client, std::string group)
    : client_(client), group_(std::move(group)) {}

Status GroupOffsets::Fetch(const std::vector<Partition>& partitions) {
  if (partitions.empty()) return Status::Ok();
  for (const Partition& partition : partitions) found_.erase(partition);
  // As it stands: a transaction of our own that a crash left open ends with the sink's
  // claim, later.
  ASSIGN_OR_RETURN(
      auto found,
      Admin(client_, kAskTimeout).GroupOffsets(group_, partitions, /*stable=*/false));
  if (found) found_.merge(*found);
  return Status::Ok();
}

std::optional<GroupOffsets::Found> GroupOffsets::Take(const Partition& partition) {
  auto node = found_.extract(partition);
  if (node.empty()) return std::nullopt;
  const Admin::Committed& committed = node.mapped();
  return Found{committed.offset, committed.metadata != OffsetMark(committed.offset)};
}

Status GroupOffsets::Publish(When when) {
  const auto now = std::chrono::steady_clock::now();
  const bool due = when != When::kNowAndThen || now - published_ >= kPublishEvery;
  if (noted_.empty() || !due) return Status::Ok();
  PartitionList list = MarkedOffsets(noted_);
  published_ = now;
  rd_kafka_resp_err_t code = rd_kafka_commit(client_.handle(), list.get(),
                                             /*async=*/when == When::kNowAndWait ? 0 : 1);
  noted_.clear();
  return ToStatus(code, "committing the offsets of group " + group_);
}

void GroupOffsets::Forget(const std::vector<Partition>& partitions) {
  for (const Partition& partition : partitions) {
    noted_.erase(partition);
    found_.erase(partition);
  }
}

}  // namespace leat::topic::kafka
