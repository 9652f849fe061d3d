// What leat.yaml says of messages about a project's own pipelines: `notify`, the fields
// of the sink notify and some of its own. Constant after loading; any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "base/clock.h"
#include "core/config.h"

namespace leat {

class Registry;

// The pipeline that sends the messages, and the embedded topic that it reads them from.
inline constexpr std::string_view kAlertsName = "leat-alerts";

enum class AlertKind : uint8_t {
  kFailed,
  kRestarted,
  kStalled,
  kBreaker,
  kLag,
  kDeadLetters,
  kRecovered,
};
// As `notify.on` has it.
std::string_view AlertKindName(AlertKind kind);

struct AlertSettings {
  std::set<AlertKind> on;  // what is told; empty: there is nobody to tell
  Micros max_lag{0};       // more is worth telling; 0: no lag is
  Micros settle{0};        // how long all has to be well until that is told
};

// Nothing where the registry has no sink notify.
std::vector<Field> AlertFields(const Registry& registry);
AlertSettings ReadAlertSettings(const Config& config, Diagnostics* diagnostics);
// Of the topic's records, as the source topic takes them.
std::string_view AlertColumns();

}  // namespace leat
