#include "format/json/text.h"

#include <array>
#include <cmath>

namespace leat::json {
namespace {

constexpr char kUpperHex[] = "0123456789ABCDEF";
constexpr char kLowerHex[] = "0123456789abcdef";
constexpr char kBase64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kBase64Url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Whether any of eight bytes has to be escaped: below 0x20, a quote, a backslash, or the
// first byte of a four-byte character.
bool AnyEscape(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = kOnes * 0x80;
  const uint64_t control = (word - kOnes * 0x20) & ~word;
  const uint64_t quote = word ^ kOnes * '"';
  const uint64_t slash = word ^ kOnes * '\\';
  const uint64_t found = control | ((quote - kOnes) & ~quote) |
                         ((slash - kOnes) & ~slash) |
                         (word & word << 1 & word << 2 & word << 3);
  return (found & kHighs) != 0;
}

char* WriteUnit(uint32_t unit, char* out) {
  *out++ = '\\';
  *out++ = 'u';
  for (int shift = 12; shift >= 0; shift -= 4) *out++ = kUpperHex[unit >> shift & 15];
  return out;
}

char* WriteEscape(char c, char* out) {
  *out++ = '\\';
  switch (c) {
    case '"':
    case '\\': *out++ = c; return out;
    case '\b': *out++ = 'b'; return out;
    case '\f': *out++ = 'f'; return out;
    case '\n': *out++ = 'n'; return out;
    case '\r': *out++ = 'r'; return out;
    case '\t': *out++ = 't'; return out;
    default: return WriteUnit(static_cast<uint8_t>(c), out - 1);
  }
}

char* WriteSurrogates(const uint8_t* at, char* out) {
  const uint32_t code =
      (at[0] & 7U) << 18 | (at[1] & 63U) << 12 | (at[2] & 63U) << 6 | (at[3] & 63U);
  const uint32_t over = code - 0x10000;
  return WriteUnit(0xdc00 | (over & 0x3ff), WriteUnit(0xd800 | over >> 10, out));
}

template <typename Real>
char* WriteReal(Real value, char* out) {
  if (std::isnan(value)) return WriteText("\"NaN\"", out);
  if (std::isinf(value))
    return WriteText(value > 0 ? "\"Infinity\"" : "\"-Infinity\"", out);
  const Real size = std::abs(value);
  if (size >= Real(1e-3) && size < Real(1e7)) {
    char* end =
        std::to_chars(out, out + kDoubleMost, value, std::chars_format::fixed).ptr;
    const std::string_view text(out, static_cast<size_t>(end - out));
    return text.find('.') == text.npos ? WriteText(".0", end) : end;
  }
  if (size == 0) return WriteText(std::signbit(value) ? "-0.0" : "0.0", out);
  // 1.5e+20 becomes 1.5E20, 1e-07 becomes 1.0E-7.
  std::array<char, kDoubleMost> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value,
                                  std::chars_format::scientific)
                        .ptr;
  const std::string_view whole(text.data(), static_cast<size_t>(end - text.data()));
  const size_t e = whole.find('e');
  out = WriteText(whole.substr(0, e), out);
  if (whole.substr(0, e).find('.') == whole.npos) out = WriteText(".0", out);
  *out++ = 'E';
  if (whole[e + 1] == '-') *out++ = '-';
  size_t digits = e + 2;
  while (digits + 1 < whole.size() && whole[digits] == '0') digits++;
  return WriteText(whole.substr(digits), out);
}

char* Base64(std::string_view bytes, const char* digits, char* out) {
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= 3; left -= 3, at += 3) {
    const uint32_t three = uint32_t{at[0]} << 16 | uint32_t{at[1]} << 8 | at[2];
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = digits[three >> shift & 63];
  }
  if (left == 0) return out;
  const uint32_t rest = uint32_t{at[0]} << 16 | (left == 2 ? uint32_t{at[1]} << 8 : 0);
  *out++ = digits[rest >> 18 & 63];
  *out++ = digits[rest >> 12 & 63];
  *out++ = left == 2 ? digits[rest >> 6 & 63] : '=';
  *out++ = '=';
  return out;
}

char* WriteTwo(int64_t value, char* out) {
  *out++ = static_cast<char>('0' + value / 10);
  *out++ = static_cast<char>('0' + value % 10);
  return out;
}

char* WriteYear(int64_t year, char* out) {
  if (year < 0 || year > 9999) *out++ = year < 0 ? '-' : '+';
  const int64_t size = year < 0 ? -year : year;
  if (size > 9999) return WriteInt(size, out);
  return WriteTwo(size % 100, WriteTwo(size / 100, out));
}

}  // namespace

char* WriteDouble(double value, char* out) { return WriteReal(value, out); }
char* WriteFloat(float value, char* out) { return WriteReal(value, out); }

char* WriteString(std::string_view utf8, char* out) {
  const char* at = utf8.data();
  const char* end = at + utf8.size();
  *out++ = '"';
  while (at < end) {
    if (end - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof(word));
      if (!AnyEscape(word)) {
        std::memcpy(out, &word, sizeof(word));
        at += 8;
        out += 8;
        continue;
      }
    }
    for (const char* stop = at + std::min<ptrdiff_t>(8, end - at); at < stop;) {
      const auto c = static_cast<uint8_t>(*at);
      if (c < 0x20 || c == '"' || c == '\\') {
        out = WriteEscape(*at++, out);
      } else if (c >= 0xf0 && end - at >= 4) {
        out = WriteSurrogates(reinterpret_cast<const uint8_t*>(at), out);
        at += 4;
      } else {
        *out++ = *at++;
      }
    }
  }
  *out++ = '"';
  return out;
}

char* WriteBase64(std::string_view bytes, char* out) {
  return Base64(bytes, leat::json::kBase64, out);
}
char* WriteBase64Url(std::string_view bytes, char* out) {
  return Base64(bytes, leat::json::kBase64Url, out);
}

char* WriteHex(std::string_view bytes, char* out) {
  for (const char c : bytes) {
    *out++ = kLowerHex[static_cast<uint8_t>(c) >> 4];
    *out++ = kLowerHex[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

// Howard Hinnant's civil_from_days.
char* WriteDate(int64_t days, char* out) {
  days += 719'468;
  const int64_t era = FloorDiv(days, 146'097);
  const int64_t doe = days - era * 146'097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  out = WriteYear(yoe + era * 400 + (month <= 2 ? 1 : 0), out);
  *out++ = '-';
  out = WriteTwo(month, out);
  *out++ = '-';
  return WriteTwo(doy - (153 * mp + 2) / 5 + 1, out);
}

char* WriteTimeOfDay(int64_t micros, int digits, char* out) {
  const int64_t seconds = micros / kMicrosPerSecond;
  out = WriteTwo(seconds / 3600, out);
  *out++ = ':';
  out = WriteTwo(seconds / 60 % 60, out);
  *out++ = ':';
  out = WriteTwo(seconds % 60, out);
  if (digits == 0) return out;
  *out++ = '.';
  int64_t nanos = micros % kMicrosPerSecond * 1000;
  for (int64_t unit = 100'000'000; digits > 0; digits--, unit /= 10) {
    *out++ = static_cast<char>('0' + nanos / unit);
    nanos %= unit;
  }
  return out;
}

char* WriteTimestamp(int64_t micros, int digits, char* out) {
  const int64_t days = FloorDiv(micros, kMicrosPerDay);
  out = WriteDate(days, out);
  *out++ = 'T';
  return WriteTimeOfDay(micros - days * kMicrosPerDay, digits, out);
}

int FractionDigits(int64_t micros) {
  int64_t fraction = micros % kMicrosPerSecond;
  if (fraction == 0) return 0;
  int digits = 6;
  for (; fraction % 10 == 0; fraction /= 10) digits--;
  return digits;
}

std::string Quoted(std::string_view utf8) {
  std::string out(StringMost(utf8.size()), '\0');
  out.resize(static_cast<size_t>(WriteString(utf8, out.data()) - out.data()));
  return out;
}

}  // namespace leat::json
