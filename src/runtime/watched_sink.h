// WatchedSink: a sink that remembers whether its newest call failed, so that a failed
// attempt is put down to the right side. What is tried again later (Upkeep, Abort) does
// not count. The writer thread only.
#pragma once

#include <memory>

#include "core/sink.h"

namespace leat {

class WatchedSink final : public Sink {
 public:
  explicit WatchedSink(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}

  bool failed() const { return failed_; }

  bool staged() const override { return sink_->staged(); }
  bool holds_tokens() const override { return sink_->holds_tokens(); }
  Needs needs() const override { return sink_->needs(); }
  SinkTable TableFor(const TableId& source) const override {
    return sink_->TableFor(source);
  }
  Status Open(std::span<const SchemaRef> tables) override {
    return Note(sink_->Open(tables));
  }
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override {
    return Note(sink_->GetTokens(shards, tables, claim));
  }
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override {
    return Note(sink_->Write(batch, rejects));
  }
  int64_t staged_bytes() const override { return sink_->staged_bytes(); }
  Result<Prepared> Prepare() override { return Note(sink_->Prepare()); }
  Result<Committed> Commit(const Checkpoint& checkpoint) override {
    return Note(sink_->Commit(checkpoint));
  }
  Status Abort() override { return sink_->Abort(); }
  Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) override {
    return sink_->Upkeep(deadline, unfinished);
  }

 private:
  template <typename Outcome>
  Outcome Note(Outcome outcome) {
    failed_ = !outcome.ok();
    return outcome;
  }

  const std::unique_ptr<Sink> sink_;
  bool failed_ = false;
};

}  // namespace leat
