// EmbeddedSink: rows into embedded topics, in columns, as they came; what the format
// writes beside rows (heartbeats) as records. What it writes is staged in the store as
// segments without offsets; the commit gives them their offsets and writes the tokens of
// the epoch in one atomic write, so that the readers of all its topics see an epoch whole
// or not at all. It has one token a shard, for all topics.
//
// Threads and errors: core/sink.h. A row without a key goes to the first partition.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/topic/options.h"
#include "core/sink.h"
#include "format/codec.h"
#include "store/topics/topic_log.h"

namespace leat::topic::embedded {

class EmbeddedSink final : public Sink {
 public:
  static constexpr char kTokenTable[] = "topics";

  // Borrows what `context` lends; its store is there.
  static Result<std::unique_ptr<Sink>> Make(SinkOptions options, const Context& context);

  bool staged() const override { return true; }
  Needs needs() const override;
  SinkTable TableFor(const TableId& source) const override { return kTokenTable; }
  Status Open(std::span<const SchemaRef> tables) override;
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return staged_bytes_; }
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;
  Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) override {
    return Status::Ok();
  }

 private:
  // What is to become a partition's next segment.
  struct OpenSegment {
    Segment segment;
    int64_t bytes = 0;
  };
  struct Target {
    std::string topic;
    TopicSettings settings;
  };

  EmbeddedSink(SinkOptions options, std::unique_ptr<Encoder> encoder,
               const Context& context);
  Result<const Target*> TargetOf(const TableId& table);
  Result<Target> OpenTopic(const std::string& topic, const std::string& what);
  Status WriteNotes(const Batch& batch);
  Status WriteNotes(const Records& records);
  Status WriteChunk(const Chunk& chunk, int64_t bytes, uint32_t seq);
  Status WriteEvent(const Event& event, uint32_t seq);
  Status Add(const TopicPartition& to, Chunk chunk,
             std::shared_ptr<arrow::BinaryArray> keys, int64_t bytes, uint32_t seq);
  Status Stage(const TopicPartition& to);
  Status Stage(const TopicPartition& to, Segment segment);

  const SinkOptions options_;
  const std::unique_ptr<Encoder> encoder_;
  const Context context_;
  TopicLog& log_;
  const PipelineWorker worker_;

  std::map<TableId, Target> targets_;
  std::map<std::string, Target> notes_;  // topics of records that are no row's
  // The open epoch.
  std::map<TopicPartition, OpenSegment> open_;
  std::vector<uint64_t> staged_;
  int64_t staged_bytes_ = 0;
  uint32_t next_seq_ = 0;
};

}  // namespace leat::topic::embedded
