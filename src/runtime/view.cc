#include "runtime/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "core/json.h"

namespace leat {
namespace {

using nlohmann::ordered_json;
using State = PipelineStats::State;

// The lower, the more in need of a look.
int Rank(State state) {
  constexpr State kOrder[] = {State::kFailed,   State::kStalled,  State::kRetrying,
                              State::kStarting, State::kStopping, State::kRunning,
                              State::kPaused,   State::kStopped,  State::kDone};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), state) -
                          std::begin(kOrder));
}

std::string Why(const WorkerView& worker) {
  const PipelineStats& stats = worker.stats;
  if (!worker.why.empty()) return worker.why;
  if (stats.state != State::kRetrying) return {};
  const std::pair<const char*, const BreakerStats&> breakers[] = {
      {"source", stats.source_breaker}, {"sink", stats.sink_breaker}};
  for (const auto& [side, breaker] : breakers) {
    if (breaker.state != BreakerState::kOpen) continue;
    return fmt::format("the {}'s breaker is open until {}: {}", side,
                       UtcTime(breaker.open_until), stats.last_error);
  }
  return stats.last_error;
}

}  // namespace

void PipelineView::AddUp() {
  auto rank = [](const WorkerView& worker) { return Rank(worker.stats.state); };
  const WorkerView& worst = *std::ranges::min_element(workers, {}, rank);
  why = Why(worst);
  stats = workers.front().stats;
  restarts = 0;
  stalls = 0;
  for (const WorkerView& worker : workers) {
    if (&worker != &workers.front()) stats.Add(worker.stats);
    restarts += worker.restarts;
    stalls += worker.stalls;
  }
  stats.state = worst.stats.state;
  stats.since = worst.stats.since;
}

std::string PipelineView::ToJson() const {
  ordered_json json = ParseJson<ordered_json>(stats.ToJson());
  json["restarts"] = restarts;
  json["stalls"] = stalls;
  json["why"] = why;
  json["source"] = source;
  json["sink"] = sink;
  if (!cursor.empty()) json["last_processed_id"] = cursor;
  ordered_json each = ordered_json::object();
  for (const WorkerView& worker : workers) {
    each[worker.name] = ParseJson<ordered_json>(worker.stats.ToJson());
    each[worker.name]["restarts"] = worker.restarts;
    each[worker.name]["stalls"] = worker.stalls;
    each[worker.name]["why"] = Why(worker);
  }
  json["workers"] = std::move(each);
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string UtcTime(int64_t micros) { return UtcText(micros / 1'000'000, 'T') + "Z"; }

}  // namespace leat
