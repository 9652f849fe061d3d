// Durations and byte sizes as people write them: 250ms, 1.5h, 64MiB. One table serves
// pipeline files, command line options and what is printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leat {

// Microseconds of "250ms", "30s", "5m", "2h", "1d"; nothing if it is not a duration (a
// bare number is none).
std::optional<int64_t> ParseDuration(std::string_view text);
// Bytes of "64MiB", "1GB", "4096"; units without regard to case.
std::optional<int64_t> ParseBytes(std::string_view text);
std::optional<int64_t> ParseInt(std::string_view text);
// "true" or "false".
std::optional<bool> ParseBool(std::string_view text);

// Exact, in the largest unit that keeps it whole.
std::string FormatDuration(int64_t micros);
std::string FormatBytes(int64_t bytes);
// For people: "1.2 GiB", "3m 20s", "1,234,567".
std::string HumanBytes(int64_t bytes);
std::string HumanDuration(int64_t micros);
std::string HumanCount(int64_t count);

}  // namespace leat
