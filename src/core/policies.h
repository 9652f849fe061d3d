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

struct Policies {
  CommitPolicy commit;
  RetryPolicy retry;
  int64_t max_dead_letters = -1;  // more of them in the store stop it; -1: no limit

  bool operator==(const Policies&) const = default;
};

}  // namespace leat
