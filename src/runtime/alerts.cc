#include "runtime/alerts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/redact.h"
#include "core/json.h"
#include "core/units.h"

namespace leat {
namespace {

using State = PipelineStats::State;

bool IsClosed(const PipelineStats& stats) {
  return stats.source_breaker.state == BreakerState::kClosed &&
         stats.sink_breaker.state == BreakerState::kClosed;
}

// "1 restart", "3 restarts"
std::string Count(int64_t n, std::string_view what) {
  return fmt::format("{} {}{}", HumanCount(n), what, n == 1 ? "" : "s");
}

std::string BreakerText(std::string_view side, const std::string& part,
                        const BreakerStats& breaker, const std::string& error) {
  const std::string until =
      breaker.open_until > 0 ? " until " + UtcTime(breaker.open_until) : "";
  return fmt::format("leaves its {} ({}) in peace{}: {}", side, part, until, error);
}

std::string_view SignOf(AlertKind kind) {
  switch (kind) {
    case AlertKind::kFailed:
    case AlertKind::kStalled: return "🔴";
    case AlertKind::kRecovered: return "🟢";
    default: return "🟡";
  }
}

}  // namespace

std::string Alert::ToJson() const {
  const nlohmann::ordered_json json = {{"time", UtcTime(time)},
                                       {"pipeline", pipeline},
                                       {"kind", AlertKindName(kind)},
                                       {"sign", SignOf(kind)},
                                       {"text", Redact(text)}};
  return DumpJsonLossy(json);
}

AlertWatch::Counts AlertWatch::Counts::Of(const PipelineView& view) {
  return {.restarts = view.restarts,
          .stalls = view.stalls,
          .source_opened = view.stats.source_breaker.opened,
          .sink_opened = view.stats.sink_breaker.opened,
          .dead_letters = view.stats.dead_letters};
}

// A pipeline that was made anew counts from 0, and dead letters can be deleted.
AlertWatch::Counts AlertWatch::Counts::Since(const Counts& before) const {
  auto more = [](int64_t now, int64_t then) { return std::max<int64_t>(now - then, 0); };
  return {.restarts = more(restarts, before.restarts),
          .stalls = more(stalls, before.stalls),
          .source_opened = more(source_opened, before.source_opened),
          .sink_opened = more(sink_opened, before.sink_opened),
          .dead_letters = more(dead_letters, before.dead_letters)};
}

void AlertWatch::Counts::Add(const Counts& more) {
  restarts += more.restarts;
  stalls += more.stalls;
  source_opened += more.source_opened;
  sink_opened += more.sink_opened;
  dead_letters += more.dead_letters;
}

std::vector<AlertWatch::Finding> AlertWatch::Troubles(const PipelineView& view,
                                                      const Counts& fresh) const {
  const PipelineStats& stats = view.stats;
  const bool failed = stats.state == State::kFailed;
  std::vector<Finding> found;
  if (fresh.stalls > 0) {
    found.push_back({AlertKind::kStalled, "stands still: " + stats.last_error});
  } else if (fresh.restarts > 0 && !failed) {
    found.push_back({AlertKind::kRestarted,
                     "ended with an error and is started again: " + stats.last_error});
  }
  if (fresh.source_opened > 0) {
    found.push_back(
        {AlertKind::kBreaker,
         BreakerText("source", view.source, stats.source_breaker, stats.last_error)});
  } else if (fresh.sink_opened > 0) {
    found.push_back(
        {AlertKind::kBreaker,
         BreakerText("sink", view.sink, stats.sink_breaker, stats.last_error)});
  }
  if (settings_.max_lag.count() > 0 && stats.lag.micros > settings_.max_lag.count()) {
    found.push_back(
        {AlertKind::kLag, fmt::format("is {} behind its source, more than {}",
                                      HumanDuration(stats.lag.micros),
                                      HumanDuration(settings_.max_lag.count()))});
  }
  if (fresh.dead_letters > 0) {
    found.push_back(
        {AlertKind::kDeadLetters,
         fmt::format("has set {} aside, {} in all; leat dead-letters {} shows them",
                     Count(fresh.dead_letters, "row"), HumanCount(stats.dead_letters),
                     view.name)});
  }
  if (failed) found.push_back({AlertKind::kFailed, "has failed: " + view.why});
  return found;
}

bool AlertWatch::IsWell(const PipelineView& view, const Incident& incident) {
  const State state = view.stats.state;
  if (state == State::kDone) return true;
  return state == State::kRunning && IsClosed(view.stats) &&
         view.stats.epochs > incident.epochs_at_stall;
}

std::string AlertWatch::Recovery(const Incident& incident, SteadyTime time) {
  const auto lasted = std::chrono::duration_cast<Micros>(time - incident.began);
  const Counts& had = incident.had;
  std::string text = fmt::format("is well again, {} after its trouble began",
                                 HumanDuration(lasted.count()));
  if (had.restarts > 0) text += ", " + Count(had.restarts, "restart");
  if (const int64_t opened = had.source_opened + had.sink_opened; opened > 0) {
    text += ", breakers opened " + Count(opened, "time");
  }
  if (had.dead_letters > 0) text += ", " + Count(had.dead_letters, "dead letter");
  return text;
}

std::vector<Alert> AlertWatch::LookAt(const PipelineView& view, SteadyTime time,
                                      Watched* watched) {
  const Counts counts = Counts::Of(view);
  const Counts fresh = counts.Since(watched->last);
  watched->last = counts;
  const State state = view.stats.state;
  if (state == State::kStopped || state == State::kPaused) {
    watched->incident.reset();
    return {};
  }
  std::vector<Alert> alerts;
  std::vector<Finding> troubles = Troubles(view, fresh);
  if (!troubles.empty() && !watched->incident) {
    watched->incident = std::make_unique<Incident>();
    watched->incident->began = time;
  }
  if (!watched->incident) return alerts;
  Incident& incident = *watched->incident;
  incident.had.Add(fresh);
  for (Finding& trouble : troubles) {
    if (trouble.kind == AlertKind::kStalled) incident.epochs_at_stall = view.stats.epochs;
    if (!settings_.on.contains(trouble.kind)) continue;
    if (!incident.told.insert(trouble.kind).second) continue;
    alerts.push_back({trouble.kind, view.name, std::move(trouble.text)});
  }
  if (!troubles.empty() || !IsWell(view, incident)) {
    incident.well_since = time;
  } else if (time - incident.well_since >= settings_.settle) {
    if (!incident.told.empty() && settings_.on.contains(AlertKind::kRecovered)) {
      alerts.push_back({AlertKind::kRecovered, view.name, Recovery(incident, time)});
    }
    watched->incident.reset();
  }
  return alerts;
}

std::vector<Alert> AlertWatch::Look(std::span<const PipelineView> views, SteadyTime time,
                                    int64_t now) {
  std::vector<Alert> alerts;
  std::map<std::string, Watched> seen;
  for (const PipelineView& view : views) {
    if (view.name == kAlertsName) continue;  // its trouble is that it cannot tell
    auto known = watched_.find(view.name);
    // Dead letters that were kept before are no news.
    Watched watched = known != watched_.end()
                          ? std::move(known->second)
                          : Watched{{.dead_letters = view.stats.dead_letters}, {}};
    for (Alert& alert : LookAt(view, time, &watched)) {
      alert.time = now;
      alerts.push_back(std::move(alert));
    }
    seen.emplace(view.name, std::move(watched));
  }
  watched_ = std::move(seen);
  return alerts;
}

}  // namespace leat
