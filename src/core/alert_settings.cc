#include "core/alert_settings.h"

#include <algorithm>

#include "base/text.h"
#include "core/registry.h"
#include "core/suggest.h"

namespace leat {
namespace {

// In the order of AlertKind.
const std::vector<std::string> kKinds = {"failed", "restarted",    "stalled",  "breaker",
                                         "lag",    "dead_letters", "recovered"};
constexpr int64_t kDay = 86'400'000'000;

}  // namespace

std::string_view AlertKindName(AlertKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

std::vector<Field> AlertFields(const Registry& registry) {
  const SinkType* sink = registry.FindSink("notify");
  if (!sink) return {};
  std::vector<Field> fields = {
      Field::Strings("on",
                     "What is told: " + Joined(kKinds, ", ") + ". Default: all of them.")
          .Example("[failed, stalled, recovered]"),
      Field::Duration("max_lag", "More lag than this is told; without it, none is.")
          .Between(1000, 365 * kDay)
          .Example("5m"),
      Field::Duration(
          "settle",
          "A pipeline has recovered when all has been well for so long. Until "
          "then it is told once of each kind of trouble.")
          .Between(0, kDay)
          .Default("1m")};
  for (const Field& field : sink->spec.fields) {
    fields.push_back(field);
    if (field.name == "template") {
      fields.back().doc =
          "The message; the columns are time, pipeline, kind, sign (a coloured dot), "
          "text.";
      fields.back().fallback = "{sign} *{pipeline}* {text}";
    }
  }
  return fields;
}

AlertSettings ReadAlertSettings(const Config& config, Diagnostics* diagnostics) {
  AlertSettings settings;
  for (const std::string& name : config.Strings("on")) {
    const auto found = std::ranges::find(kKinds, name);
    if (found == kKinds.end()) {
      diagnostics->push_back({config.At("on"), "\"" + name + "\" is nothing to tell",
                              Suggest(name, kKinds, "there are")});
      continue;
    }
    settings.on.insert(static_cast<AlertKind>(found - kKinds.begin()));
  }
  for (size_t kind = 0; !config.Has("on") && kind < kKinds.size(); kind++) {
    settings.on.insert(static_cast<AlertKind>(kind));
  }
  settings.max_lag = config.Duration("max_lag");
  settings.settle = config.Duration("settle");
  return settings;
}

std::string_view AlertColumns() {
  return "time string, pipeline string, kind string, sign string, text string";
}

}  // namespace leat
