// What a pipeline says about itself, for progress, status and metrics. A plain copy: any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/metrics.h"
#include "core/source.h"

namespace leat {

// runtime/breaker.h says what they mean.
enum class BreakerState : uint8_t { kClosed, kHalfOpen, kOpen };
std::string_view BreakerStateName(BreakerState state);

struct BreakerStats {
  BreakerState state = BreakerState::kClosed;
  int64_t failures = 0;    // in a row
  int64_t opened = 0;      // how often since this process started
  int64_t open_until = 0;  // microseconds since 1970 UTC; 0: it is not open

  // With that of another worker.
  void Add(const BreakerStats& other);
};

struct PipelineStats {
  enum class State : uint8_t {
    kStarting,  // opening, recovering
    kRunning,
    kRetrying,  // waits before the next attempt; last_error says why
    kStopping,
    kDone,
    kFailed,  // last_error says why
    // Of a pipeline under a manager.
    kStopped,
    kPaused,
    kStalled,  // stood still; about to be started anew
  };
  State state = State::kStarting;
  int64_t since = 0;  // of the state, microseconds since 1970 UTC

  // Since this process started; rows count once they are committed.
  int64_t rows = 0;
  int64_t bytes = 0;  // of memory the batches held
  int64_t epochs = 0;
  int64_t rows_read = 0;       // handed to the writer, not necessarily committed
  double rows_per_second = 0;  // committed, over the last seconds

  uint64_t epoch = 0;                     // the newest committed one
  std::map<ShardId, Position> committed;  // where the next start goes on
  int64_t last_commit = 0;                // microseconds since 1970 UTC; 0: none yet
  Histogram commit_seconds;  // of each epoch with rows: from Prepare to its commit,
  Histogram epoch_seconds;   // and from the moment its first row was read
  Lag lag;
  int64_t queue_bytes = 0;
  int64_t uncommitted = 0;   // rows that the writer took and no commit has
  int64_t dead_letters = 0;  // kept in the store, from all runs

  // An attempt that failed is counted and its cause kept, also once the next one runs.
  int64_t retries = 0;
  std::string last_error;
  int64_t last_error_time = 0;  // microseconds since 1970 UTC; 0: none yet
  BreakerStats source_breaker;
  BreakerStats sink_breaker;

  double reader_cpu_seconds = 0;
  double writer_cpu_seconds = 0;

  // With those of another worker of the same pipeline.
  void Add(const PipelineStats& other);
  std::string ToJson() const;
};

std::string_view StateName(PipelineStats::State state);

}  // namespace leat
