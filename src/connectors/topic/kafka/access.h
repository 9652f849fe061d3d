// The commands' access to a Kafka cluster: what it commits anybody may read, what they
// write is stored once. Topics of the brokers' own are not shown.
//
// Owned by a command, its thread only. Errors: as the client's; kConfig for what is not
// there, for a topic that is there already, and for a group that has members.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "connectors/topic/access.h"
#include "connectors/topic/kafka/client.h"
#include "connectors/topic/kafka/producer.h"

namespace leat::topic::kafka {

class KafkaAccess final : public TopicAccess {
 public:
  // The brokers can be reached. Borrows the logger.
  static Result<std::unique_ptr<TopicAccess>> Make(const Broker& broker, Logger& log);

  Result<std::vector<TopicFacts>> Describe(const std::string& only) override;
  Result<int> Partitions(const std::string& topic) override;
  Status Create(const std::string& topic, const TopicSettings& settings) override;
  Status Delete(const std::string& topic) override;
  Result<Ranges> GetRanges(const std::vector<TopicPartition>& partitions) override;
  Result<int64_t> OffsetAt(const TopicPartition& partition, int64_t millis) override;
  Result<std::optional<FetchedSegment>> Fetch(const TopicPartition& partition,
                                              int64_t from) override;
  Status Append(const std::string& topic,
                const std::map<int32_t, Records>& records) override;
  Status DeleteRecords(const std::map<TopicPartition, int64_t>& before) override;
  Result<std::vector<GroupFacts>> Groups(const std::string& only) override;
  Status SetOffsets(const std::string& group,
                    const std::map<TopicPartition, int64_t>& offsets) override;
  Status DeleteGroup(const std::string& group) override;

 private:
  KafkaAccess(const Broker& broker, Logger& log) : broker_(broker), log_(log) {}

  Status AwaitTopic(const std::string& topic, bool there);
  Status OpenProducer(const std::string& topic);
  // Fetching begins at the offset.
  Status Seek(const Partition& partition, int64_t offset);
  // Adds the messages taken; *next is the offset behind them. True: there are no more.
  Result<bool> Take(size_t count, const Partition& partition, RecordsBuilder* records,
                    int64_t* next);

  const Broker broker_;
  Logger& log_;
  const CancelToken never_;
  std::unique_ptr<Client> client_;
  struct QueueDestroy {
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  };
  std::unique_ptr<rd_kafka_queue_t, QueueDestroy> queue_;  // of fetched messages
  std::vector<rd_kafka_message_t*> messages_;
  // What is fetched next without a seek.
  std::optional<std::pair<Partition, int64_t>> at_;
  std::string headers_;
  std::unique_ptr<Producer> producer_;
  std::string produces_to_;
};

}  // namespace leat::topic::kafka
