// Supervisor: what to do about one worker of a pipeline that ended with an error or that
// stands still. It only decides; the manager acts. Pure: time is what the caller says it
// is. One thread.
//
// Everything but a fence is worth a restart: a server comes back, somebody grants the
// privilege or makes the setting that was missing, and a broken invariant of ours is
// gone with the memory it was in. A fenced worker is not: another process has its shards,
// and to take them back would be to fight over them for ever.
#pragma once

#include <optional>
#include <string>

#include "base/retry.h"
#include "core/policies.h"
#include "runtime/stats.h"

namespace leat {

class Supervisor {
 public:
  // `commit_every`: a worker may wait that long before it commits.
  Supervisor(const RestartPolicy& policy, Micros commit_every, uint64_t seed);

  // A run begins.
  void Started(SteadyTime now);
  // At each check of one that runs: why it is not left running; nothing: it is.
  std::optional<std::string> Look(SteadyTime now, const PipelineStats& stats);
  // A run has ended with an error, or because of what Look said.
  struct Decision {
    std::optional<std::chrono::nanoseconds> restart_in;  // nothing: it has failed
    std::string why;                                     // with what to do, if it has
  };
  Decision Ended(const Status& end);
  // Somebody starts it by hand: what was does not count.
  void Forget();

  int64_t restarts() const { return restarts_; }  // in all

 private:
  const RestartPolicy policy_;
  const Micros commit_every_;
  Backoff backoff_;
  int64_t restarts_ = 0;
  int64_t in_a_row_ = 0;
  SteadyTime well_since_;
  // Where it last moved.
  SteadyTime moved_;
  int64_t epochs_ = 0;
  int64_t furthest_ = 0;  // rows committed or about to be
};

}  // namespace leat
