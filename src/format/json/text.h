// JSON text written through a pointer: each function writes at `out` and answers the end
// of what it wrote. The caller has made room (the k...Most constants and functions say
// how much). Numbers and escapes are those of Java's Jackson, so that text equals what
// Kafka Connect's JsonConverter writes. Any thread; nothing fails.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace leat::json {

constexpr size_t kIntMost = 20;
constexpr size_t kDoubleMost = 32;
constexpr size_t kDateMost = 20;       // years beyond four digits included
constexpr size_t kTimestampMost = 40;  // quotes and zone included

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
// Rounds down, as times before 1970 need it; b is above zero.
inline int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

inline char* WriteText(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

template <typename Int>
char* WriteInt(Int value, char* out) {
  return std::to_chars(out, out + kIntMost + 1, value).ptr;
}

// As Java's Double.toString and Float.toString do; NaN and infinities as strings.
char* WriteDouble(double value, char* out);
char* WriteFloat(float value, char* out);

// In quotes and escaped. Characters outside the basic plane are written as two escapes,
// as Jackson does.
char* WriteString(std::string_view utf8, char* out);
constexpr size_t StringMost(size_t bytes) { return bytes * 6 + 2; }

// Without quotes.
char* WriteBase64(std::string_view bytes, char* out);
char* WriteBase64Url(std::string_view bytes, char* out);
char* WriteHex(std::string_view bytes, char* out);
constexpr size_t Base64Most(size_t bytes) { return (bytes + 2) / 3 * 4; }

// 2024-01-02, without quotes; years outside 0 to 9999 have a sign (ISO 8601).
char* WriteDate(int64_t days, char* out);
// 10:11:12 and `digits` (0 to 9) of the fraction; micros of one day.
char* WriteTimeOfDay(int64_t micros, int digits, char* out);
// 2024-01-02T10:11:12.123456 without quotes.
char* WriteTimestamp(int64_t micros, int digits, char* out);
// The fraction with as few digits as it has; none when it is zero.
int FractionDigits(int64_t micros);

// For text that is written once: a name in quotes.
std::string Quoted(std::string_view utf8);

}  // namespace leat::json
