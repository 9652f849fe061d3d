#include "base/metrics.h"

#include <time.h>

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

}  // namespace leat
