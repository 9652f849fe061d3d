// "Did you mean": the nearest of the names that would have been right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leat {

// The candidate a typing slip away (letters swapped, missing, doubled, or of another
// case), the nearest first; empty when none is that near.
std::string Nearest(std::string_view typed, const std::vector<std::string>& candidates);

// did you mean "tables"? -- or, when nothing is near, `otherwise: a, b, c`.
std::string Suggest(std::string_view typed, const std::vector<std::string>& candidates,
                    std::string_view otherwise);

}  // namespace leat
