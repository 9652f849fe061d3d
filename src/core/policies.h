// What a pipeline does by numbers: when it commits, how it goes on after a failure.
// Constant after loading; any thread.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace leat {

// The first that is reached closes an epoch, at the next boundary.
struct CommitPolicy {
  Micros every = std::chrono::seconds(1);
  int64_t rows = 50'000;
  int64_t bytes = int64_t{64} << 20;

  bool operator==(const CommitPolicy&) const = default;
};

// Of failures that may pass, without progress in between.
struct RetryPolicy {
  int64_t max = -1;  // -1: no limit
  Millis first{500};
  Millis longest{30'000};

  bool operator==(const RetryPolicy&) const = default;
};

// Of one side of a pipeline, its source or its sink.
struct BreakerPolicy {
  int64_t failures = 5;  // in a row open it
  Millis recovery{60'000};
  int64_t probes = 3;  // attempts that fail, after that, until it opens again

  bool operator==(const BreakerPolicy&) const = default;
};

// Of a pipeline under a supervisor, when its retries have ended or it stands still.
struct RestartPolicy {
  int64_t max = 10;  // without a healthy run in between
  Millis check_every{30'000};
  Millis stalled{300'000};  // beyond the time between commits
  Millis healthy{600'000};
  // Bounds of the waits before.
  Millis first{1'000};
  Millis longest{300'000};

  bool operator==(const RestartPolicy&) const = default;
};

struct Policies {
  CommitPolicy commit;
  RetryPolicy retry;
  BreakerPolicy breaker;
  RestartPolicy restart;
  int64_t max_dead_letters = -1;  // more of them in the store stop it; -1: no limit

  bool operator==(const Policies&) const = default;
};

}  // namespace leat
