#include "base/metrics.h"

#include <time.h>

#include <algorithm>
#include <numeric>

namespace leat {

double ThreadCpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void Rate::Add(SteadyTime now, int64_t amount) {
  while (!added_.empty() && added_.front().first <= now - window_) {
    sum_ -= added_.front().second;
    added_.pop_front();
  }
  if (!added_.empty() && now - added_.back().first < Millis(100)) {
    added_.back().second += amount;
  } else {
    added_.emplace_back(now, amount);
  }
  sum_ += amount;
}

double Rate::PerSecond(SteadyTime now) const {
  int64_t sum = sum_;
  for (const auto& [at, amount] : added_) {
    if (at > now - window_) break;
    sum -= amount;
  }
  return static_cast<double>(sum) / std::chrono::duration<double>(window_).count();
}

void Histogram::Add(Micros duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = std::ranges::lower_bound(kBounds, seconds) - kBounds.begin();
  buckets_[static_cast<size_t>(bucket)]++;
  sum_ += seconds;
}

void Histogram::Add(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); i++) buckets_[i] += other.buckets_[i];
  sum_ += other.sum_;
}

int64_t Histogram::count() const {
  return std::accumulate(buckets_.begin(), buckets_.end(), int64_t{0});
}

}  // namespace leat
