// The fields of the sink notify. Functions; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "connectors/notify/template.h"
#include "core/config.h"
#include "core/spec.h"

namespace leat::notify {

// Where messages go. Only `origin` may be shown.
struct Target {
  bool slack = false;  // an incoming webhook of Slack's
  std::string url;
  std::string origin;  // scheme://host:port
  std::string method = "POST";
  std::map<std::string, std::string> headers;
  std::string key;  // for signatures; empty: none
  std::string ca;
};

struct SinkOptions {
  Target target;
  std::optional<Template> text;
  std::optional<Template> key;  // of the cooldown; none: the text itself
  Micros cooldown{0};
  Micros every{0};
};

Spec SinkSpec();
void ValidateSink(const Config& config, Diagnostics* diagnostics);
// Of a config that ValidateSink found nothing wrong with.
Result<SinkOptions> ReadSinkOptions(const Config& config);

}  // namespace leat::notify
