#include "connectors/mysql/sink/calendar.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>

namespace leat::mysql {
namespace {

constexpr int64_t kFirstDay = -719'528;  // 0000-01-01
constexpr int64_t kLastDay = 2'932'896;  // 9999-12-31

// Reads `digits` digits at the front of `text`; -1 where there are none.
int TakeDigits(std::string_view* text, size_t digits) {
  if (text->size() < digits) return -1;
  int value = 0;
  for (size_t i = 0; i < digits; i++) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool TakeChar(std::string_view* text, std::string_view any) {
  if (text->empty() || any.find(text->front()) == any.npos) return false;
  text->remove_prefix(1);
  return true;
}

// Microseconds of ".5"; nothing where there are none, or more than six digits count.
std::optional<int64_t> TakeFraction(std::string_view* text) {
  int64_t micros = 0;
  int64_t unit = kMicros / 10;
  size_t digits = 0;
  while (!text->empty() && text->front() >= '0' && text->front() <= '9') {
    const int64_t digit = text->front() - '0';
    if (unit == 0 && digit != 0) return std::nullopt;
    micros += digit * unit;
    unit /= 10;
    digits++;
    text->remove_prefix(1);
  }
  return digits ? std::optional(micros) : std::nullopt;
}

// Microseconds of "Z", "+01:00", "-0530", "+01" or nothing.
std::optional<int64_t> TakeOffset(std::string_view* text) {
  if (text->empty() || TakeChar(text, "Zz")) return 0;
  const int64_t sign = text->front() == '-' ? -1 : 1;
  if (!TakeChar(text, "+-")) return std::nullopt;
  const int hours = TakeDigits(text, 2);
  int minutes = 0;
  if (!text->empty()) {
    TakeChar(text, ":");
    minutes = TakeDigits(text, 2);
  }
  if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59) return std::nullopt;
  return sign * (hours * 60 + minutes) * 60 * kMicros;
}

}  // namespace

std::optional<DateTime> SplitMicros(int64_t micros) {
  int64_t day = micros / kDayMicros;
  int64_t rest = micros % kDayMicros;
  if (rest < 0) {
    rest += kDayMicros;
    day--;
  }
  if (day < kFirstDay || day > kLastDay) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  DateTime t;
  t.day = static_cast<uint32_t>(date.day());
  t.month = static_cast<uint32_t>(date.month());
  t.year = static_cast<uint32_t>(static_cast<int>(date.year()));
  t.micros = static_cast<uint32_t>(rest % kMicros);
  const auto seconds = static_cast<uint32_t>(rest / kMicros);
  t.hour = seconds / 3600;
  t.minute = seconds / 60 % 60;
  t.second = seconds % 60;
  return t;
}

std::string FormatDateTime(int64_t micros) {
  const auto t = SplitMicros(micros);
  if (!t) return fmt::format("{} us since 1970", micros);
  std::string text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t->year, t->month,
                                 t->day, t->hour, t->minute, t->second);
  if (t->micros) text += fmt::format(".{:06}", t->micros);
  return text;
}

std::optional<int64_t> ParseIsoTime(std::string_view text) {
  const int year = TakeDigits(&text, 4);
  if (!TakeChar(&text, "-")) return std::nullopt;
  const int month = TakeDigits(&text, 2);
  if (!TakeChar(&text, "-")) return std::nullopt;
  const int day = TakeDigits(&text, 2);
  if (year < 0 || month < 0 || day < 0 ||
      !IsDate(static_cast<uint32_t>(year), static_cast<uint32_t>(month),
              static_cast<uint32_t>(day))) {
    return std::nullopt;
  }
  const int64_t date = DaysOf(static_cast<uint32_t>(year), static_cast<uint32_t>(month),
                              static_cast<uint32_t>(day)) *
                       kDayMicros;
  if (text.empty()) return date;
  if (!TakeChar(&text, "Tt ")) return std::nullopt;
  const int hour = TakeDigits(&text, 2);
  if (!TakeChar(&text, ":")) return std::nullopt;
  const int minute = TakeDigits(&text, 2);
  int second = 0;
  int64_t fraction = 0;
  if (TakeChar(&text, ":")) {
    second = TakeDigits(&text, 2);
    if (TakeChar(&text, ".,")) {
      const auto taken = TakeFraction(&text);
      if (!taken) return std::nullopt;
      fraction = *taken;
    }
  }
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return std::nullopt;
  }
  const auto offset = TakeOffset(&text);
  if (!offset || !text.empty()) return std::nullopt;
  return date + ((hour * 60 + minute) * 60 + second) * kMicros + fraction - *offset;
}

DecimalText::DecimalText(const uint8_t* little_endian, int scale) {
  __int128 value;
  std::memcpy(&value, little_endian, sizeof value);
  unsigned __int128 left = value < 0 ? -static_cast<unsigned __int128>(value)
                                     : static_cast<unsigned __int128>(value);
  char* at = text_ + kMost;
  int digits = 0;
  auto put = [&](int digit) {
    *--at = static_cast<char>('0' + digit);
    if (++digits == scale) *--at = '.';
  };
  for (; left > UINT64_MAX; left /= 10) put(static_cast<int>(left % 10));
  for (auto rest = static_cast<uint64_t>(left); rest > 0; rest /= 10) {
    put(static_cast<int>(rest % 10));
  }
  while (digits <= scale) put(0);
  if (value < 0) *--at = '-';
  begin_ = at;
  size_ = static_cast<size_t>(text_ + kMost - at);
}

bool DecimalText::DropZeros() {
  const std::string_view text = view();
  const size_t point = text.find('.');
  if (point == text.npos) return true;
  if (text.find_first_not_of('0', point + 1) != text.npos) return false;
  size_ = point;
  return true;
}

}  // namespace leat::mysql
