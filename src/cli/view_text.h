// A pipeline of the "status" answer in words, for leat status and leat top.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace leat {

// "1.2s (3.0 MiB)", "300,000 rows"; "-" of one that does not run.
std::string LagText(const nlohmann::ordered_json& view);
// "source open", or "closed" where both are.
std::string BreakerText(const nlohmann::ordered_json& view);
// In one line of at most so many bytes: why it is in its state, or the newest error it
// has overcome.
std::string ErrorText(const nlohmann::ordered_json& view, size_t most);

// The first so many characters of UTF-8; what is left out is marked by an ellipsis.
std::string CutText(std::string_view text, size_t characters);

}  // namespace leat
