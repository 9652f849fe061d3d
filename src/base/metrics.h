// Small measurements a running part keeps about itself.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "base/clock.h"

namespace leat {

// CPU seconds the calling thread has used since it started.
double ThreadCpuSeconds();

// Amount per second over a sliding window. One thread, or under the owner's lock.
class Rate {
 public:
  explicit Rate(Millis window = std::chrono::seconds(5)) : window_(window) {}

  void Add(SteadyTime now, int64_t amount);
  double PerSecond(SteadyTime now) const;

 private:
  const Millis window_;
  std::deque<std::pair<SteadyTime, int64_t>> added_;  // at most one entry each 100 ms
  int64_t sum_ = 0;
};

}  // namespace leat
