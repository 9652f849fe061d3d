#include "core/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace leat {
namespace {

struct Unit {
  std::string_view name;
  int64_t size;
};

constexpr Unit kDurations[] = {
    {"us", 1},         {"ms", 1'000},        {"s", 1'000'000},
    {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}};
constexpr Unit kBinary[] = {{"", 1},
                            {"KiB", int64_t{1} << 10},
                            {"MiB", int64_t{1} << 20},
                            {"GiB", int64_t{1} << 30},
                            {"TiB", int64_t{1} << 40}};
constexpr Unit kByteUnits[] = {{"", 1},
                               {"b", 1},
                               {"kb", 1'000},
                               {"mb", 1'000'000},
                               {"gb", 1'000'000'000},
                               {"tb", 1'000'000'000'000},
                               {"kib", int64_t{1} << 10},
                               {"mib", int64_t{1} << 20},
                               {"gib", int64_t{1} << 30},
                               {"tib", int64_t{1} << 40}};

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// "1.5" and a unit of the table, with an optional space between; whole numbers exactly.
std::optional<int64_t> ParseWithUnit(std::string_view text, std::span<const Unit> units) {
  size_t digits = text.find_first_not_of("0123456789.");
  if (digits == std::string_view::npos) digits = text.size();
  std::string_view number = text.substr(0, digits);
  std::string_view unit = text.substr(digits);
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  auto found = std::find_if(units.begin(), units.end(),
                            [&](const Unit& u) { return u.name == unit; });
  if (found == units.end() || number.empty()) return std::nullopt;
  int64_t whole = 0;
  auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), whole);
  if (error == std::errc() && end == number.data() + number.size()) {
    if (whole > INT64_MAX / found->size) return std::nullopt;
    return whole * found->size;
  }
  double fraction = 0;
  auto [stop, wrong] =
      std::from_chars(number.data(), number.data() + number.size(), fraction);
  if (wrong != std::errc() || stop != number.data() + number.size()) return std::nullopt;
  double scaled = fraction * static_cast<double>(found->size);
  if (!(scaled < 9e18)) return std::nullopt;
  return std::llround(scaled);
}

std::string FormatWithUnit(int64_t value, std::span<const Unit> units) {
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
    if (value % unit->size == 0 &&
        (value != 0 || unit->name == "s" || unit->name.empty())) {
      return fmt::format("{}{}", value / unit->size, unit->name);
    }
  }
  return fmt::format("{}", value);
}

}  // namespace

std::optional<int64_t> ParseDuration(std::string_view text) {
  return ParseWithUnit(text, kDurations);
}

std::optional<int64_t> ParseBytes(std::string_view text) {
  return ParseWithUnit(Lower(text), kByteUnits);
}

std::optional<int64_t> ParseInt(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> ParseBool(std::string_view text) {
  std::string lower = Lower(text);
  if (lower == "true") return true;
  if (lower == "false") return false;
  return std::nullopt;
}

std::string FormatDuration(int64_t micros) { return FormatWithUnit(micros, kDurations); }
std::string FormatBytes(int64_t bytes) { return FormatWithUnit(bytes, kBinary); }

std::string HumanBytes(int64_t bytes) {
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < std::size(kBinary)) {
    value /= 1024;
    unit++;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.1f} {}", value, kBinary[unit].name);
}

std::string HumanDuration(int64_t micros) {
  int64_t seconds = micros / 1'000'000;
  if (micros < 1'000'000) return fmt::format("{}ms", micros / 1000);
  if (seconds < 60) return fmt::format("{:.1f}s", static_cast<double>(micros) / 1e6);
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400)
    return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::string HumanCount(int64_t count) {
  std::string digits = fmt::format("{}", count);
  size_t start = digits.starts_with('-') ? 1 : 0;
  for (size_t i = digits.size(); i > start + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

}  // namespace leat
