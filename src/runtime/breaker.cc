#include "runtime/breaker.h"

#include <algorithm>

namespace leat {

std::chrono::nanoseconds Breaker::Wait(SteadyTime now) const {
  if (state_ != BreakerState::kOpen) return std::chrono::nanoseconds(0);
  return std::max<std::chrono::nanoseconds>(until_ - now, std::chrono::nanoseconds(0));
}

void Breaker::Admit() {
  if (state_ != BreakerState::kOpen) return;
  state_ = BreakerState::kHalfOpen;
  probes_ = 0;
}

void Breaker::Failed(SteadyTime now) {
  failures_++;
  const bool opens = state_ == BreakerState::kHalfOpen ? ++probes_ >= policy_.probes
                                                       : failures_ >= policy_.failures;
  if (!opens || state_ == BreakerState::kOpen) return;
  state_ = BreakerState::kOpen;
  until_ = now + policy_.recovery;
  opened_++;
}

void Breaker::Succeeded() {
  state_ = BreakerState::kClosed;
  failures_ = 0;
}

Breakers::Breakers(std::string pipeline, const BreakerPolicy& policy, Clock& clock,
                   Logger& log, StatsBoard& board)
    : pipeline_(std::move(pipeline)),
      policy_(policy),
      clock_(clock),
      log_(log),
      board_(board),
      source_(policy),
      sink_(policy) {}

std::chrono::nanoseconds Breakers::Wait() const {
  return std::max(source_.Wait(clock_.Now()), sink_.Wait(clock_.Now()));
}

void Breakers::Admit() {
  source_.Admit();
  sink_.Admit();
  Show();
}

void Breakers::Failed(Side side) {
  if (side == Side::kNeither) return;
  Breaker& breaker = side == Side::kSource ? source_ : sink_;
  const int64_t opened = breaker.opened();
  breaker.Failed(clock_.Now());
  Show();
  if (breaker.opened() == opened) return;
  log_.Warn("breaker open: no attempt for a while",
            {{"pipeline", pipeline_},
             {"side", side == Side::kSource ? "source" : "sink"},
             {"failures", breaker.failures()},
             {"for_ms", policy_.recovery.count()}});
}

void Breakers::Succeeded() {
  for (Breaker* breaker : {&source_, &sink_}) {
    if (breaker->failures() == 0) continue;
    if (breaker->state() != BreakerState::kClosed) {
      log_.Info("breaker closed", {{"pipeline", pipeline_},
                                   {"side", breaker == &source_ ? "source" : "sink"}});
    }
    breaker->Succeeded();
    Show();
  }
}

void Breakers::Show() {
  auto shown = [this](const Breaker& breaker) {
    const bool open = breaker.state() == BreakerState::kOpen;
    const auto left = std::chrono::duration_cast<Micros>(breaker.Wait(clock_.Now()));
    return BreakerStats{breaker.state(), breaker.failures(), breaker.opened(),
                        open ? clock_.WallMicros() + left.count() : 0};
  };
  board_.Update([&](PipelineStats& s) {
    s.source_breaker = shown(source_);
    s.sink_breaker = shown(sink_);
  });
}

}  // namespace leat
