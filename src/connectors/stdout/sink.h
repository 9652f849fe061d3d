// StdoutSink: one JSON object a line for each row and event, for looking at a stream.
//
// It has no place for a token: the store alone knows the position, and an epoch that may
// not have been committed is written again, so a line may come twice after a crash and
// never not at all. Lines leave the process before the epoch is saved. Errors: kConfig
// when standard output cannot be written. Threads: core/sink.h.
#pragma once

#include <string>

#include "core/sink.h"

namespace leat::standard_output {

class StdoutSink final : public Sink {
 public:
  // `fd` is borrowed.
  StdoutSink(int fd, bool events) : fd_(fd), events_(events) {}

  bool staged() const override { return true; }
  bool holds_tokens() const override { return false; }
  Needs needs() const override;
  SinkTable TableFor(const TableId& source) const override { return source.ToString(); }
  Status Open(std::span<const SchemaRef> tables) override { return Status::Ok(); }
  Result<Tokens> GetTokens(const ShardId& shard, std::span<const SinkTable> tables,
                           const std::string& claim) override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return bytes_; }
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;
  Status Upkeep(SteadyTime deadline) override { return Status::Ok(); }

 private:
  Status Flush();

  const int fd_;
  const bool events_;
  std::string lines_;
  int64_t bytes_ = 0;
};

}  // namespace leat::standard_output
