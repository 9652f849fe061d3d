// KafkaSink: changes as records in topics of a Kafka cluster, exactly once for readers of
// what is committed.
//
// One transaction is one epoch: its records, the token of each of its shards in the topic
// leat-commits and, where the source is a consumer group of the same cluster, the group's
// offsets. The token's one table is leat-commits. A claim (init_transactions) fences
// whoever had the transactional id before, then leaves its attempt's name in
// leat-commits: a producer that finds itself fenced looks there whether it was a
// successor or its own transaction that outlived transaction.timeout.ms.
//
// The transactional id is leat-<pipeline>-<worker>. Where shards are dealt among machines
// (a lease), each machine has an id of its own, and what fences is the group's generation
// (KIP-447). There are two such ids, with and without -b, whose producers take turns: a
// broker ends a transaction some milliseconds after it has said that it is committed, and
// lets the same producer begin none before. Readers see them in order all the same.
//
// With delivery: at_least_once records are visible at once, without transactions; the
// token follows when they are stored.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/topic/kafka/commit_log.h"
#include "connectors/topic/kafka/producer.h"
#include "connectors/topic/kafka/sink_topics.h"
#include "connectors/topic/options.h"
#include "core/sink.h"
#include "format/codec.h"

namespace leat::topic::kafka {

class KafkaSink final : public Sink {
 public:
  KafkaSink(SinkOptions options, std::unique_ptr<Encoder> encoder,
            const Context& context);
  ~KafkaSink() override;

  bool staged() const override { return false; }
  Needs needs() const override { return encoder_->needs(); }
  SinkTable TableFor(const TableId& source) const override { return CommitLog::kTopic; }
  Status Open(std::span<const SchemaRef> tables) override;
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return staged_bytes_; }
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;
  Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) override;

 private:
  Status Take(const Claim& claim);
  Status ClaimIds(const Claim& claim);
  Status AwaitFormerOwners(std::span<const ShardId> shards, const Claim& claim);
  Status WriteRecords(const Records& records, std::vector<DeadLetter>* rejects);
  Status WriteRun(const Records& records, int64_t first, int64_t last, int64_t limit);
  Status WriteTokens(const Checkpoint& checkpoint);
  bool IsHere(const Checkpoint& checkpoint) const;
  Status CheckPrevious(const Checkpoint& checkpoint) const;
  Producer& producer() { return *producers_.front(); }
  // What being fenced means: somebody else, or our own time-out.
  Status Fenced(Status status);
  Result<std::string> TransactionalId(const Claim& claim) const;

  const SinkOptions options_;
  const std::unique_ptr<Encoder> encoder_;
  const Context context_;
  const Broker broker_;
  CommitLog commits_;
  // Whose turn it is stands first; without transactions it is alone.
  std::vector<std::unique_ptr<Producer>> producers_;
  std::unique_ptr<SinkTopics> topics_;
  std::vector<std::string> known_;  // topics of the tables it was opened with
  std::string id_;                  // the transactional id, without -b
  std::string claimed_;             // the attempt
  bool dealt_ = false;
  int64_t staged_bytes_ = 0;
  bool staged_any_ = false;
  std::string committing_;  // the epoch whose commit is under way
};

}  // namespace leat::topic::kafka
