// Small measurements a running part keeps about itself.
#pragma once

#include <array>
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

// How many durations were how long. A plain value; one thread, or under the owner's lock.
class Histogram {
 public:
  // Upper bounds of the buckets, in seconds; what is longer is in one more.
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                         0.1,   0.25,   0.5,   1.0,  2.5,   5.0,
                                         10.0,  30.0,   60.0,  300.0};

  void Add(Micros duration);
  void Add(const Histogram& other);

  int64_t count() const;
  double sum() const { return sum_; }  // seconds
  // Not cumulative.
  const std::array<int64_t, kBounds.size() + 1>& buckets() const { return buckets_; }

 private:
  std::array<int64_t, kBounds.size() + 1> buckets_{};
  double sum_ = 0;
};

}  // namespace leat
