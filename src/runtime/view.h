// PipelineView: all that can be said about one pipeline of a project at a moment: what
// `leat status`, progress, the control socket, metrics and alerts show. A plain copy: any
// thread.
#pragma once

#include <string>
#include <vector>

#include "runtime/stats.h"

namespace leat {

struct WorkerView {
  std::string name;  // the pipeline's; with #NUMBER where it has several workers
  PipelineStats stats;
  int64_t restarts = 0;  // by the supervisor, since this process started
  int64_t stalls = 0;    // how often it was seen to stand still, since then
  std::string why;       // what was decided when it ended with an error
};

struct PipelineView {
  std::string name;
  std::string source;  // as the registry calls them
  std::string sink;
  std::string cursor;  // of the newest commit, where positions have one
  std::vector<WorkerView> workers;

  // Of all workers together. The state, its time and why it is in it, where that is worth
  // a word, are those of the worker most in need of a look.
  PipelineStats stats;
  int64_t restarts = 0;
  int64_t stalls = 0;
  std::string why;

  void AddUp();
  // The statistics' fields, and the view's own beside them.
  std::string ToJson() const;
};

// "2026-11-29T20:03:00Z" of microseconds since 1970 UTC.
std::string UtcTime(int64_t micros);

}  // namespace leat
