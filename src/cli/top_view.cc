#include "cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/view_text.h"
#include "core/units.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kHistory = 60;
constexpr size_t kSpark = 16;
constexpr size_t kMostErrorDrawn = 400;
constexpr size_t kLongestName = 32;
constexpr int kFrame = 4;  // lines that are no pipelines: title, head, error, keys

constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kInverse = "\x1b[7m";
constexpr std::string_view kBold = "\x1b[1m";

std::string_view ColourOf(std::string_view state) {
  if (state == "running") return "\x1b[32m";
  if (state == "failed" || state == "stalled") return "\x1b[31m";
  if (state == "retrying" || state == "starting" || state == "stopping")
    return "\x1b[33m";
  return "\x1b[2m";
}

void Keep(std::deque<double>* values, double value) {
  values->push_back(value);
  if (values->size() > kHistory) values->pop_front();
}

std::string Head(size_t name_width) {
  return fmt::format("{:{}}  {:9}  {:>13}  {:>11}  {:{}}  {:>20}  {:{}}  {:>7}  {:>8}",
                     "NAME", name_width, "STATE", "ROWS", "ROWS/S", "", kSpark, "LAG", "",
                     kSpark, "RETRIES", "RESTARTS");
}

}  // namespace

std::string Sparkline(const std::deque<double>& values, size_t width) {
  static constexpr std::string_view kBars[] = {" ", "▁", "▂", "▃", "▄",
                                               "▅", "▆", "▇", "█"};
  const double most = values.empty() ? 0 : *std::ranges::max_element(values);
  const size_t shown = std::min(width, values.size());
  std::string line(width - shown, ' ');
  for (size_t i = values.size() - shown; i < values.size(); i++) {
    // Whatever is not nothing can be seen.
    const double part = most > 0 ? values[i] / most * 8 : 0;
    line += kBars[static_cast<size_t>(std::ceil(std::clamp(part, 0.0, 8.0)))];
  }
  return line;
}

void TopView::Add(const Json& status) {
  const std::string before = selected();
  message_.clear();
  names_.clear();
  pid_ = status.value("pid", int64_t{0});
  for (const auto& [name, view] : status.at("pipelines").items()) {
    names_.push_back(name);
    Row& row = rows_[name];
    const double rate = view.value("rows_per_second", 0.0);
    row.state = view.value("state", "");
    row.rows = HumanCount(view.value("rows", int64_t{0}));
    row.rate = HumanCount(std::llround(rate));
    row.lag = LagText(view);
    row.retries = std::to_string(view.value("retries", int64_t{0}));
    row.restarts = std::to_string(view.value("restarts", int64_t{0}));
    row.breaker = BreakerText(view);
    row.error = ErrorText(view, kMostErrorDrawn);
    Keep(&row.rates, rate);
    Keep(&row.lags,
         std::max<double>(static_cast<double>(view.value("lag_micros", int64_t{0})), 0) /
             1e6);
  }
  std::erase_if(rows_, [&](const auto& row) {
    return std::ranges::find(names_, row.first) == names_.end();
  });
  const auto found = std::ranges::find(names_, before);
  selected_ = found == names_.end() ? 0 : static_cast<size_t>(found - names_.begin());
}

std::string TopView::selected() const {
  return names_.empty() ? std::string() : names_[selected_];
}

void TopView::Move(int rows) {
  const auto last = static_cast<int>(names_.size()) - 1;
  selected_ = static_cast<size_t>(
      std::clamp(static_cast<int>(selected_) + rows, 0, std::max(last, 0)));
}

std::string TopView::Line(const std::string& name, const Row& row,
                          size_t name_width) const {
  return fmt::format("{:{}}  {:9}  {:>13}  {:>11}  {}  {:>20}  {}  {:>7}  {:>8}", name,
                     name_width, row.state, row.rows, row.rate,
                     Sparkline(row.rates, kSpark), row.lag, Sparkline(row.lags, kSpark),
                     row.retries, row.restarts);
}

std::string TopView::Draw(int width, int height) const {
  size_t name_width = 4;
  for (const std::string& name : names_) {
    name_width = std::min(std::max(name_width, name.size()), kLongestName);
  }
  const auto cut = [&](const std::string& line) {
    return CutText(line, static_cast<size_t>(std::max(width, 1)));
  };
  const size_t room = static_cast<size_t>(std::max(height - kFrame, 1));
  const size_t first = selected_ < room ? 0 : selected_ - room + 1;
  std::string out = fmt::format(
      "{}{}{}\r\n{}{}{}\r\n", kBold,
      cut(pid_ == 0 ? "no process runs this project; leat start starts one"
                    : fmt::format("process {}, {} pipelines", pid_, names_.size())),
      kPlain, kInverse, cut(Head(name_width)), kPlain);
  for (size_t i = first; i < first + room; i++) {
    if (i < names_.size()) {
      const Row& row = rows_.at(names_[i]);
      out += fmt::format(
          "{}{}{}{}", i == selected_ ? kInverse : std::string_view(), ColourOf(row.state),
          cut(Line(CutText(names_[i], kLongestName), row, name_width)), kPlain);
    }
    out += "\x1b[K\r\n";
  }
  std::string about = message_;
  if (about.empty() && !names_.empty()) {
    const Row& row = rows_.at(selected());
    about = row.breaker == "closed"
                ? row.error
                : fmt::format("breaker {}  {}", row.breaker, row.error);
  }
  out += fmt::format("{}\x1b[K\r\n", cut(about));
  return out + cut("up/down select   p pause   u resume   r restart   l logs   q quit") +
         "\x1b[K";
}

}  // namespace leat
