// Backoff: how long to wait before the next try. Exponential with full jitter: a uniform
// draw between nothing and a bound that doubles with each failure, so that many clients
// of one failed server do not return in step (M. Brooker, "Exponential Backoff And
// Jitter", 2015). One thread.
#pragma once

#include <cstdint>
#include <random>

#include "base/clock.h"

namespace leat {

class Backoff {
 public:
  Backoff(Millis first, Millis longest, uint64_t seed)
      : first_(first), longest_(longest), bound_(first), random_(seed) {}

  // The wait after one more failure.
  Millis Next();
  // After progress: the next failure is a first one again.
  void Reset() { bound_ = first_; }
  // No wait is longer than this.
  Millis bound() const { return bound_; }

 private:
  const Millis first_;
  const Millis longest_;
  Millis bound_;
  std::mt19937_64 random_;
};

}  // namespace leat
