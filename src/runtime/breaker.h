// Breaker: leaves a system in peace that keeps failing.
//
//   closed     every attempt is made; `failures` failures in a row open it
//   open       no attempt is made for `recovery`; then it is half-open
//   half-open  attempts are made again: one that succeeds closes it, `probes` that fail
//              open it
//
// It only ever makes the wait before an attempt longer: how long that is otherwise, and
// how many attempts there are, is `retry`'s (runtime/pipeline.h). Pure; one thread.
#pragma once

#include <string>

#include "base/log.h"
#include "core/policies.h"
#include "runtime/board.h"

namespace leat {

class Breaker {
 public:
  explicit Breaker(const BreakerPolicy& policy) : policy_(policy) {}

  // How long it stays open yet; 0: it is not.
  std::chrono::nanoseconds Wait(SteadyTime now) const;
  // An attempt is about to be made; Wait is over.
  void Admit();
  void Failed(SteadyTime now);
  void Succeeded();

  BreakerState state() const { return state_; }
  int64_t failures() const { return failures_; }  // in a row
  int64_t opened() const { return opened_; }      // how often

 private:
  const BreakerPolicy policy_;
  BreakerState state_ = BreakerState::kClosed;
  int64_t failures_ = 0;
  int64_t probes_ = 0;  // that failed since it is half-open
  int64_t opened_ = 0;
  SteadyTime until_;  // open
};

// A side of a pipeline, as the one to blame for a failure.
enum class Side : uint8_t { kNeither, kSource, kSink };

// The two of a worker, shown on its board. The writer thread only; borrows all but the
// policy.
class Breakers {
 public:
  Breakers(std::string pipeline, const BreakerPolicy& policy, Clock& clock, Logger& log,
           StatsBoard& board);

  // As Breaker's, of both.
  std::chrono::nanoseconds Wait() const;
  void Admit();
  void Failed(Side side);
  // A commit, or `recovery` without a failure: both sides do what they should.
  void Succeeded();

 private:
  void Show();

  const std::string pipeline_;
  const BreakerPolicy policy_;
  Clock& clock_;
  Logger& log_;
  StatsBoard& board_;
  Breaker source_;
  Breaker sink_;
};

}  // namespace leat
