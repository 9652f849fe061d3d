// AlertWatch: what is worth telling people about the pipelines of a project. It looks at
// their views again and again and answers what is new.
//
// The trouble of a pipeline is one incident: it begins with the first thing that goes
// wrong and ends once all has been well for `settle`. In one, each kind is told once, so
// that what comes and goes is told once; its end is told with all that there was. A
// pipeline that somebody stops or pauses has none any more.
//
// Pure: time is what the caller says. One thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/alert_settings.h"
#include "runtime/view.h"

namespace leat {

struct Alert {
  AlertKind kind = AlertKind::kFailed;
  std::string pipeline;
  std::string text;  // without the pipeline's name, without secrets
  int64_t time = 0;  // microseconds since 1970 UTC

  // A record of the topic kAlertsName.
  std::string ToJson() const;
};

class AlertWatch {
 public:
  explicit AlertWatch(AlertSettings settings) : settings_(std::move(settings)) {}

  void Use(AlertSettings settings) { settings_ = std::move(settings); }
  // `now`: microseconds since 1970 UTC.
  std::vector<Alert> Look(std::span<const PipelineView> views, SteadyTime time,
                          int64_t now);

 private:
  // What only grows while a pipeline is the same; as of a look, or since one.
  struct Counts {
    int64_t restarts = 0;
    int64_t stalls = 0;
    int64_t source_opened = 0;  // its breaker
    int64_t sink_opened = 0;
    int64_t dead_letters = 0;

    static Counts Of(const PipelineView& view);
    Counts Since(const Counts& before) const;
    void Add(const Counts& more);
  };
  struct Incident {
    SteadyTime began;
    SteadyTime well_since;
    std::set<AlertKind> told;
    Counts had;
    int64_t epochs_at_stall = -1;  // more have to come until it moves again
  };
  struct Finding {
    AlertKind kind;
    std::string text;
  };
  struct Watched {
    Counts last;
    std::unique_ptr<Incident> incident;  // null: there is none
  };

  std::vector<Alert> LookAt(const PipelineView& view, SteadyTime time, Watched* watched);
  std::vector<Finding> Troubles(const PipelineView& view, const Counts& fresh) const;
  static bool IsWell(const PipelineView& view, const Incident& incident);
  static std::string Recovery(const Incident& incident, SteadyTime time);

  AlertSettings settings_;
  std::map<std::string, Watched> watched_;
};

}  // namespace leat
