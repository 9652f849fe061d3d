#include "cli/view_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/units.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

int64_t Number(const Json& view, const char* field) {
  return view.value(field, int64_t{0});
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string LagText(const Json& view) {
  if (view.value("state", "") != "running") return "-";
  if (Number(view, "lag_rows") > 0) {
    return HumanCount(Number(view, "lag_rows")) + " rows";
  }
  std::string lag = HumanDuration(std::max<int64_t>(Number(view, "lag_micros"), 0));
  if (Number(view, "lag_bytes") > 0) {
    lag += fmt::format(" ({})", HumanBytes(Number(view, "lag_bytes")));
  }
  return lag;
}

std::string BreakerText(const Json& view) {
  std::string text;
  const Json breakers = view.value("breakers", Json::object());
  for (const auto& [side, breaker] : breakers.items()) {
    const std::string state = breaker.value("state", "");
    if (state == "closed") continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", side, state);
  }
  return text.empty() ? "closed" : text;
}

std::string ErrorText(const Json& view, size_t most) {
  std::string error = view.value("why", "");
  if (error.empty()) error = view.value("last_error", "");
  std::ranges::replace(error, '\n', ' ');
  if (error.size() <= most) return error;
  size_t end = most;
  while (end > 0 && Continues(error[end])) end--;
  return error.substr(0, end) + "...";
}

std::string CutText(std::string_view text, size_t characters) {
  size_t seen = 0, end = 0;  // the end of the last character but one that fits
  for (size_t i = 0; i < text.size(); i++) {
    if (Continues(text[i])) continue;
    if (++seen == characters) end = i;
    if (seen > characters) return std::string(text.substr(0, end)) + "…";
  }
  return std::string(text);
}

}  // namespace leat
