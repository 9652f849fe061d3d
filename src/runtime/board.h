// Where the threads of a pipeline note what the status shows. Thread-safe.
#pragma once

#include <mutex>

#include "base/metrics.h"
#include "runtime/stats.h"

namespace leat {

class StatsBoard {
 public:
  explicit StatsBoard(Clock& clock) : clock_(clock) { stats_.since = clock.WallMicros(); }

  template <typename Change>
  void Update(Change change) {
    std::lock_guard lock(mutex_);
    const PipelineStats::State before = stats_.state;
    change(stats_);
    if (stats_.state != before) stats_.since = clock_.WallMicros();
  }
  void AddRows(SteadyTime now, int64_t rows) {
    std::lock_guard lock(mutex_);
    rate_.Add(now, rows);
    stats_.rows += rows;
  }
  PipelineStats Get(SteadyTime now) const {
    std::lock_guard lock(mutex_);
    PipelineStats copy = stats_;
    copy.rows_per_second = rate_.PerSecond(now);
    return copy;
  }

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  PipelineStats stats_;
  Rate rate_;
};

}  // namespace leat
