#include "runtime/view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace leat {
namespace {

using nlohmann::ordered_json;
using State = PipelineStats::State;

// The lower, the more in need of a look.
int Rank(State state) {
  constexpr State kOrder[] = {State::kFailed,   State::kRetrying, State::kStarting,
                              State::kStopping, State::kRunning,  State::kPaused,
                              State::kStopped,  State::kDone};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), state) -
                          std::begin(kOrder));
}

}  // namespace

PipelineStats Together(const std::vector<WorkerView>& workers) {
  PipelineStats all = workers.front().stats;
  for (size_t i = 1; i < workers.size(); i++) {
    const PipelineStats& one = workers[i].stats;
    if (Rank(one.state) < Rank(all.state)) {
      all.state = one.state;
      all.since = one.since;
    }
    all.Add(one);
  }
  return all;
}

std::string PipelineView::ToJson() const {
  ordered_json json = ordered_json::parse(stats.ToJson());
  json["why"] = why;
  json["source"] = source;
  json["sink"] = sink;
  ordered_json each = ordered_json::object();
  for (const WorkerView& worker : workers) {
    each[worker.name] = ordered_json::parse(worker.stats.ToJson());
  }
  json["workers"] = std::move(each);
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace leat
