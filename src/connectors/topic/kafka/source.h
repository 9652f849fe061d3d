// KafkaSource: the partitions of topics of a Kafka cluster, each a shard, in one thread.
//
// How far each shard is stands with the rows in the sink (its token); the group's offsets
// are published after each commit, so that the usual tools show the lag, with a mark
// beside them. An offset without our mark that differs from where we are was set by hand:
// it is honoured. Before the first row of a shard is read our mark is there.
//
// Which partitions it reads is its membership's to say. A member of a group is a static
// one (KIP-345), so that a process that was killed finds its partitions again at once.
//
// Owned by a pipeline; its reader thread, but GetLag, Reached, Lease and Wake from any.
// Errors: as the client's; kConfig also when offsets are gone that should be read next.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/topic/kafka/client.h"
#include "connectors/topic/kafka/group_offsets.h"
#include "connectors/topic/kafka/membership.h"
#include "connectors/topic/kafka/partition_reader.h"
#include "connectors/topic/kafka/shard.h"
#include "connectors/topic/options.h"
#include "core/source.h"
#include "format/codec.h"

namespace leat::topic::kafka {

class KafkaSource final : public Source {
 public:
  KafkaSource(SourceOptions options, const Context& context);
  ~KafkaSource() override;

  Status Open(const Needs& needs) override;
  Result<std::vector<SchemaRef>> Tables() override;
  Result<Position> Start(const ShardId& shard, const Resume& resume) override;
  Result<ReadResult> Read(SteadyTime deadline) override;
  void Wake() override;
  Result<Position> End(const ShardId& shard) override;
  bool Reached(const Position& at, const Position& target) const override;
  Lag GetLag() const override;
  std::string Lease() const override;
  void Ack(const ShardId& shard, const Position& committed) override;

 private:
  Status Create(const std::string& topic);
  Result<ReadResult> Tell(const Membership::Change& change);
  // Settles what the last call of Read told.
  Status TakeStarted();
  Status Poll(SteadyTime deadline);
  // Messages of one partition come together.
  struct LastReader {
    const rd_kafka_topic_t* topic = nullptr;
    int32_t partition = -1;
    PartitionReader* reader = nullptr;
  };
  Status Take(const rd_kafka_message_t& message, LastReader* last);
  Status HandleError(const rd_kafka_message_t& message);
  Status OutOfRange(const Partition& partition, std::string_view reason);
  Result<std::optional<ReadResult>> Ready();
  Result<int64_t> FirstOffset(const Partition& partition);
  PartitionReader* Find(const rd_kafka_message_t& message);
  void Publish(GroupOffsets::When when);
  void Leave();
  void NoteLag();

  const SourceOptions options_;
  const Context context_;
  const std::string group_;
  Membership membership_;
  std::unique_ptr<Client> client_;
  std::atomic<rd_kafka_queue_t*> queue_{nullptr};  // owned
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<GroupOffsets> offsets_;
  std::map<Partition, PartitionReader> readers_;
  std::set<Partition> started_;   // where fetching begins, or begins anew
  std::set<Partition> unmarked_;  // our mark has to stand on the broker before
  std::vector<rd_kafka_message_t*> messages_;
  std::string headers_;  // of one of them
  SteadyTime listed_{};
  SteadyTime lag_noted_{};
  std::atomic<int64_t> lag_micros_{0};
  std::atomic<int64_t> lag_rows_{-1};
};

}  // namespace leat::topic::kafka
