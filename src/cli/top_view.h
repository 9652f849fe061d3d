// What leat top shows: pipelines in rows, each with its last minute. Draws into a string
// with a terminal's escapes; knows no terminal. One thread.
#pragma once

#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace leat {

class TopView {
 public:
  // An answer to "status"; one a second.
  void Add(const nlohmann::ordered_json& status);
  // What went wrong instead of an answer.
  void AddError(std::string error) { message_ = std::move(error); }

  // The name of the selected pipeline; empty: there is none.
  std::string selected() const;
  void Move(int rows);

  // `height` lines, five at least, of at most `width` characters, to be drawn from the
  // top left.
  std::string Draw(int width, int height) const;

 private:
  struct Row {
    std::string state, rows, rate, lag, restarts, retries, breaker, error;
    std::deque<double> rates;  // the newest last
    std::deque<double> lags;   // seconds
  };
  std::string Line(const std::string& name, const Row& row, size_t name_width) const;

  int64_t pid_ = 0;
  std::vector<std::string> names_;  // in the answer's order
  std::map<std::string, Row> rows_;
  size_t selected_ = 0;
  std::string message_;
};

// The values as bars of eighths, the largest of them whole.
std::string Sparkline(const std::deque<double>& values, size_t width);

}  // namespace leat
