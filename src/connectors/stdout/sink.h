// StdoutSink: one JSON object a line for each row and event, for looking at a stream.
//
// Without tokens, a line may come twice after a crash and never not at all. Lines leave
// the process before the epoch is saved. Errors: kConfig when standard output cannot be
// written. Threads: core/sink.h.
#pragma once

#include <string>

#include "core/sink.h"

namespace leat::standard_output {

class StdoutSink final : public TokenlessSink {
 public:
  // `fd` is borrowed.
  StdoutSink(int fd, bool events) : fd_(fd), events_(events) {}

  Needs needs() const override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return bytes_; }
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;

 private:
  Status Flush();

  const int fd_;
  const bool events_;
  std::string lines_;
  int64_t bytes_ = 0;
};

}  // namespace leat::standard_output
