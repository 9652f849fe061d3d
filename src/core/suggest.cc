#include "core/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace leat {
namespace {

constexpr size_t kLongestName = 64;  // nobody mistypes a name into something longer

std::string Folded(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '-') c = '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// Optimal string alignment: Levenshtein's distance with swapped neighbours as one slip.
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> two_up(b.size() + 1), up(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) up[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      size_t change = up[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({up[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_up[j - 2] + 1);
      }
    }
    std::swap(two_up, up);
    std::swap(up, row);
  }
  return up[b.size()];
}

}  // namespace

std::string Nearest(std::string_view typed, const std::vector<std::string>& candidates) {
  if (typed.size() > kLongestName) return {};
  std::string folded = Folded(typed);
  std::string best;
  size_t best_distance = SIZE_MAX;
  for (const std::string& candidate : candidates) {
    size_t longer = std::max(folded.size(), candidate.size());
    size_t distance = Distance(folded, Folded(candidate));
    if (distance <= std::max<size_t>(longer / 3, 1) && distance < best_distance &&
        distance < longer) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string Suggest(std::string_view typed, const std::vector<std::string>& candidates,
                    std::string_view otherwise) {
  if (std::string near = Nearest(typed, candidates); !near.empty()) {
    return fmt::format("did you mean \"{}\"?", near);
  }
  if (candidates.empty()) return {};
  return fmt::format("{}: {}", otherwise, Joined(candidates, ", "));
}

}  // namespace leat
