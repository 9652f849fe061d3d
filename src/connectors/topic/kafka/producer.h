// Producer: records into topics, at full speed, with or without transactions. Java's
// partitioner for keys (murmur2), so that a key lands where Java's producers put it.
//
// Idempotent always: what the client sends again after a lost reply is stored once, in
// order. Owned by one sink, its thread only. Errors: kTransient (a record could not be
// delivered, brokers away), kFenced (another producer has the transactional id, or the
// transaction outlived transaction.timeout.ms: the two look alike from here),
// kUnknownOutcome (CommitTransaction only: call it again), kConfig, kCancelled.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "connectors/topic/kafka/client.h"
#include "connectors/topic/kafka/shard.h"
#include "format/records.h"

namespace leat::topic::kafka {

struct HeadersDestroy {
  void operator()(rd_kafka_headers_t* headers) const {
    rd_kafka_headers_destroy(headers);
  }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, HeadersDestroy>;

constexpr int64_t kBatchBytes = 1'000'000;  // the client's own batch.size

struct ProducerOptions {
  std::string transactional_id;  // empty: without transactions
  std::string compression;       // empty: none
  int64_t batch_bytes = 0;       // of records that are sent together; 0: the client's
};

class Producer {
 public:
  static Result<std::unique_ptr<Producer>> Make(const Broker& broker,
                                                const ProducerOptions& options,
                                                Logger& log, const CancelToken& cancel);
  ~Producer();

  Client& client() { return *client_; }
  bool transactional() const { return transactional_; }
  bool in_transaction() const { return in_transaction_; }

  // Becomes the owner of the transactional id: what an older producer had open is
  // aborted, what it was committing is committed.
  Status Init();
  // Opens a transaction where none is open.
  Status Begin();
  // Records [first, last) to the topic, in order. Waits while many bytes are under way.
  Status Produce(const std::string& topic, const Records& records, int64_t first,
                 int64_t last);
  // All of them to a given partition, with the times they have.
  Status ProduceTo(const std::string& topic, int32_t partition, const Records& records);
  // One record to a given partition.
  Status ProduceOne(const std::string& topic, int32_t partition, std::string_view key,
                    std::string_view value);
  // Everything produced is stored.
  Status Flush();
  // The group's offsets into the transaction. Fails when the lease is no longer good.
  Status SendOffsets(const Lease& lease, const std::map<Partition, int64_t>& offsets);
  Status CommitTransaction();
  Status AbortTransaction();
  // Serves what the client has to say.
  Status Poll();

  // What was not delivered; OK: nothing.
  const Status& failure() const { return failure_; }

 private:
  Producer(bool transactional, const CancelToken& cancel)
      : transactional_(transactional), cancel_(cancel) {}
  void Delivered(const rd_kafka_message_t& message);
  rd_kafka_topic_t* Topic(const std::string& name);
  Status ProduceBatch(rd_kafka_topic_t* topic, size_t* done);
  void CountUnderWay(const Records& records, int64_t first, int64_t last);
  Status TakeHeaders(const Records& records, int64_t i);
  // Record i; a time of 0 is now.
  Status ProduceRecord(rd_kafka_topic_t* topic, const Records& records, int64_t i,
                       int32_t partition, int64_t time);
  Status WaitForRoom();
  template <typename Call>
  Status Until(Millis limit, std::string_view doing, Call call);

  const bool transactional_;
  const CancelToken& cancel_;
  std::map<std::string, rd_kafka_topic_t*> topics_;
  std::vector<rd_kafka_message_t> messages_;
  Headers headers_;  // of the newest record that has any
  std::string encoded_headers_;
  int64_t under_way_ = 0;  // bytes of values that are not delivered yet
  Status failure_;
  bool in_transaction_ = false;
  bool purging_ = false;
  // Last, so that it ends first: it calls back until it has ended.
  std::unique_ptr<Client> client_;
};

}  // namespace leat::topic::kafka
