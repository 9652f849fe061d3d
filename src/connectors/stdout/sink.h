// StdoutSink: one JSON object a line for each row and event, or for each record that a
// topic would get, for looking at a stream.
//
// Without tokens, a line may come twice after a crash and never not at all. Lines leave
// the process before the epoch is saved. Errors: kConfig when standard output cannot be
// written. Threads: core/sink.h.
#pragma once

#include <memory>
#include <string>

#include "core/sink.h"
#include "format/codec.h"

namespace leat::standard_output {

class StdoutSink final : public TokenlessSink {
 public:
  // `fd` is borrowed. With an encoder its records are written instead of rows.
  StdoutSink(int fd, bool events, std::unique_ptr<Encoder> encoder = nullptr)
      : fd_(fd), events_(events), encoder_(std::move(encoder)) {}

  Needs needs() const override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return bytes_; }
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;

 private:
  Status WriteRecords(const Batch& batch, std::vector<DeadLetter>* rejects);
  Status Flush();

  const int fd_;
  const bool events_;
  const std::unique_ptr<Encoder> encoder_;  // may be null
  std::string lines_;
  int64_t bytes_ = 0;
};

}  // namespace leat::standard_output
