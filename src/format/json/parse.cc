#include "format/json/parse.h"

#include <array>
#include <charconv>

#include "format/json/text.h"

namespace leat::json {
namespace {

// Digits at the front; nothing for fewer than `least` or more than `most`.
std::optional<int64_t> TakeDigits(std::string_view* text, size_t least, size_t most) {
  size_t count = 0;
  int64_t value = 0;
  while (count < text->size() && count < most) {
    const char c = (*text)[count];
    if (c < '0' || c > '9') break;
    value = value * 10 + (c - '0');
    count++;
  }
  if (count < least) return std::nullopt;
  text->remove_prefix(count);
  return value;
}

bool TakeChar(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

// .ffffff: digits beyond microseconds are cut off.
std::optional<int64_t> TakeFraction(std::string_view* text) {
  if (!TakeChar(text, '.')) return 0;
  int64_t micros = 0;
  int64_t unit = 100'000;
  size_t count = 0;
  for (; count < text->size(); count++, unit /= 10) {
    const char c = (*text)[count];
    if (c < '0' || c > '9') break;
    micros += unit * (c - '0');
  }
  if (count == 0) return std::nullopt;
  text->remove_prefix(count);
  return micros;
}

std::optional<int64_t> TakeDate(std::string_view* text) {
  const auto year = TakeDigits(text, 4, 4);
  if (!year || !TakeChar(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2, 2);
  if (!month || *month < 1 || *month > 12 || !TakeChar(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2, 2);
  static constexpr std::array<int, 12> kDays = {31, 29, 31, 30, 31, 30,
                                                31, 31, 30, 31, 30, 31};
  if (!day || *day < 1 || *day > kDays[static_cast<size_t>(*month - 1)]) {
    return std::nullopt;
  }
  const bool leap = *year % 4 == 0 && (*year % 100 != 0 || *year % 400 == 0);
  if (*month == 2 && *day == 29 && !leap) return std::nullopt;
  // Howard Hinnant's days_from_civil.
  const int64_t y = *year - (*month <= 2 ? 1 : 0);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (*month + (*month > 2 ? -3 : 9)) + 2) / 5 + *day - 1;
  return era * 146'097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719'468;
}

// hh:mm[:ss[.f]] with up to `hours` hours.
std::optional<int64_t> TakeTime(std::string_view* text, size_t hour_digits) {
  const auto hours = TakeDigits(text, 2, hour_digits);
  if (!hours || !TakeChar(text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(text, 2, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  int64_t micros = (*hours * 60 + *minutes) * 60 * kMicrosPerSecond;
  if (!TakeChar(text, ':')) return micros;
  const auto seconds = TakeDigits(text, 2, 2);
  const auto fraction = seconds ? TakeFraction(text) : std::nullopt;
  if (!fraction || *seconds > 59) return std::nullopt;
  return micros + *seconds * kMicrosPerSecond + *fraction;
}

// Z, +hh:mm, +hhmm, +hh or nothing, as what has to be taken off.
std::optional<int64_t> TakeZone(std::string_view* text) {
  if (text->empty() || TakeChar(text, 'Z') || TakeChar(text, 'z')) return 0;
  const bool west = text->starts_with('-');
  if (!west && !text->starts_with('+')) return std::nullopt;
  text->remove_prefix(1);
  const auto hours = TakeDigits(text, 2, 2);
  if (!hours || *hours > 18) return std::nullopt;
  int64_t minutes = 0;
  if (!text->empty()) {
    TakeChar(text, ':');
    const auto given = TakeDigits(text, 2, 2);
    if (!given || *given > 59) return std::nullopt;
    minutes = *given;
  }
  const int64_t micros = (*hours * 60 + minutes) * 60 * kMicrosPerSecond;
  return west ? -micros : micros;
}

int Sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ptr != end || read.ec != std::errc() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> ParseInt(std::string_view text) {
  return ParseNumber<int64_t>(text);
}
std::optional<double> ParseDouble(std::string_view text) {
  return ParseNumber<double>(text);
}

std::optional<arrow::Decimal128> ParseDecimal(std::string_view text, int32_t precision,
                                              int32_t scale) {
  std::string_view rest = text;
  const bool negative = TakeChar(&rest, '-');
  if (!negative) TakeChar(&rest, '+');
  arrow::Decimal128 value(0);
  const arrow::Decimal128 ten(10);
  int64_t exponent = 0;
  int digits = 0;
  bool point = false;
  bool any = false;
  // Digits beyond 38 only move the exponent; none of them can be kept.
  for (; !rest.empty(); rest.remove_prefix(1)) {
    const char c = rest.front();
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    any = true;
    if (digits < 38) {
      value = value * ten + arrow::Decimal128(c - '0');
      if (digits > 0 || c != '0') digits++;
      if (point) exponent--;
    } else if (!point) {
      exponent++;
    }
  }
  if (!any) return std::nullopt;
  if (TakeChar(&rest, 'e') || TakeChar(&rest, 'E')) {
    TakeChar(&rest, '+');
    const auto given = ParseInt(rest);
    if (!given || *given > 1000 || *given < -1000) return std::nullopt;
    exponent += *given;
    rest = {};
  }
  if (!rest.empty()) return std::nullopt;
  const int64_t shift = scale + exponent;
  if (value != arrow::Decimal128(0)) {
    if (shift > 0) {
      if (digits + shift > 38) return std::nullopt;
      value = value * arrow::Decimal128::GetScaleMultiplier(static_cast<int32_t>(shift));
    } else if (shift < 0) {
      value = -shift > 38 ? arrow::Decimal128(0)
                          : arrow::Decimal128(value.ReduceScaleBy(
                                static_cast<int32_t>(-shift), /*round=*/true));
    }
  }
  if (negative) value.Negate();
  if (!value.FitsInPrecision(precision)) return std::nullopt;
  return value;
}

std::optional<int32_t> ParseDate(std::string_view text) {
  const auto days = TakeDate(&text);
  if (!days || !text.empty()) return std::nullopt;
  return static_cast<int32_t>(*days);
}

std::optional<int64_t> ParseTime(std::string_view text) {
  const bool negative = TakeChar(&text, '-');
  const auto micros = TakeTime(&text, 3);
  if (!micros || !text.empty()) return std::nullopt;
  return negative ? -*micros : *micros;
}

std::optional<int64_t> ParseTimestamp(std::string_view text) {
  const auto days = TakeDate(&text);
  if (!days) return std::nullopt;
  if (text.empty()) return *days * kMicrosPerDay;
  if (!TakeChar(&text, 'T') && !TakeChar(&text, ' ') && !TakeChar(&text, 't'))
    return std::nullopt;
  const auto time = TakeTime(&text, 2);
  const auto zone = time ? TakeZone(&text) : std::nullopt;
  if (!zone || !text.empty() || *time >= kMicrosPerDay) return std::nullopt;
  return *days * kMicrosPerDay + *time - *zone;
}

std::optional<std::string> ParseBase64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int sextet = Sextet(c);
    if (sextet < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(sextet);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count);
  }
  return out;
}

}  // namespace leat::json
