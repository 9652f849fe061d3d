// Pipeline: one source, its steps and one sink, run by two threads: the reader runs the
// source, the writer (the thread that called Run) steps, sink and epochs; a queue bounded
// in bytes stands between them.
//
// A transient error of any part ends the attempt: source, steps and sink are built anew,
// with a new attempt id, after a wait: that of the backoff, or as long as the breaker of
// the side that failed is open (runtime/breaker.h). Everything else ends Run. The status
// keeps the last error and counts the retries, so a loop of retries never hides its
// cause.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "core/policies.h"
#include "core/sink.h"
#include "core/source.h"
#include "core/step.h"
#include "runtime/stats.h"

namespace leat {

class Store;

struct PipelineSettings {
  std::string name;
  int worker = 0;  // tells the workers of one pipeline apart in the store
  int workers = 1;
  std::filesystem::path data;  // the worker's own folder for caches of its parts
  ProjectSettings project;
  Policies policies;
  int64_t queue_bytes = int64_t{32} << 20;
  // Run ends with OK once the ends of all shards, as of the start, are committed.
  bool until_caught_up = false;
  // It is no first start: where neither store nor sink knows a position, stop and ask.
  bool resume = false;
  // Steps whose state is lost, or older than the sink, go on with none.
  bool new_state = false;
};

// How to make the parts, once for each attempt.
struct PipelineParts {
  std::function<Result<std::unique_ptr<Source>>(const Context&)> source;
  // May be null: no steps.
  std::function<Result<std::vector<std::unique_ptr<Step>>>(const Context&)> steps;
  std::function<Result<std::unique_ptr<Sink>>(const Context&)> sink;
};

class Pipeline {
 public:
  // Borrows store, clock and log.
  Pipeline(PipelineSettings settings, PipelineParts parts, Store& store, Clock& clock,
           Logger& log);
  ~Pipeline();

  // Runs on the calling thread until the source ends, it has caught up, Stop or StopNow
  // was called (all OK), an error that no retry mends (kConfig, kFenced, kBug, kData), or
  // as many retries as the settings allow did not mend it. Once, and once more after each
  // Rearm.
  Status Run();
  // Forgets that it was asked to stop; what the status counts goes on. After Run has
  // returned, and beside no other call but stats.
  void Rearm();

  // Any thread. Finishes the open epoch at its next boundary, commits it and leaves;
  // what is not done after 8 s is left to the next start.
  void Stop();
  // Any thread. Leaves at once; the next start loses nothing.
  void StopNow();

  // Any thread.
  PipelineStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leat
