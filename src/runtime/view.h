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
};

struct PipelineView {
  std::string name;
  std::string source;  // as the registry calls them
  std::string sink;
  // Of all its workers together; the state is the one most in need of a look, with its
  // time.
  PipelineStats stats;
  std::vector<WorkerView> workers;
  // Why it is in this state, and what to do, where that is worth a word.
  std::string why;

  // The statistics' fields, and the view's own beside them.
  std::string ToJson() const;
};

// Puts the workers together: `stats` of `workers`.
PipelineStats Together(const std::vector<WorkerView>& workers);

}  // namespace leat
