#include "connectors/discard/sink.h"

namespace leat::discard {

DiscardSink::~DiscardSink() {
  log_.Info("discarded", {{"rows", committed_rows_}, {"events", committed_events_}});
}

Needs DiscardSink::needs() const {
  Needs needs;
  needs.before = Needs::Before::kKey;
  return needs;
}

Status DiscardSink::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  rows_ += batch.rows();
  events_ += static_cast<int64_t>(batch.events.size());
  bytes_ += batch.bytes;
  return Status::Ok();
}

Result<Committed> DiscardSink::Commit(const Checkpoint& checkpoint) {
  committed_rows_ += rows_;
  committed_events_ += events_;
  rows_ = events_ = bytes_ = 0;
  return Committed{};
}

Status DiscardSink::Abort() {
  rows_ = events_ = bytes_ = 0;
  return Status::Ok();
}

}  // namespace leat::discard
