// DiscardSink: counts rows and lets them go; for measuring a source.
//
// Errors: none. Threads: core/sink.h.
#pragma once

#include "core/sink.h"

namespace leat::discard {

class DiscardSink final : public TokenlessSink {
 public:
  explicit DiscardSink(const Context& context) : log_(context.log) {}
  ~DiscardSink() override;

  // As an upsert needs them, so that a measurement of the source is no flattery.
  Needs needs() const override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return bytes_; }
  Result<Prepared> Prepare() override { return Prepared{}; }
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;

 private:
  Logger& log_;
  int64_t rows_ = 0;  // of the open epoch
  int64_t events_ = 0;
  int64_t bytes_ = 0;
  int64_t committed_rows_ = 0;
  int64_t committed_events_ = 0;
};

}  // namespace leat::discard
