// Pieces of text that are written or read too often for a formatter: whole numbers,
// hexadecimal digits, lists. Any thread; nothing fails.
#pragma once

#include <cctype>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

namespace leat {

// In decimal, with zeros in front up to `width` digits, which is for numbers from zero
// on.
template <typename Int>
void AppendInt(Int value, std::string* out, size_t width = 0) {
  char digits[24];
  const char* end = std::to_chars(digits, std::end(digits), value).ptr;
  const auto size = static_cast<size_t>(end - digits);
  if (size < width) out->append(width - size, '0');
  out->append(digits, size);
}

// Two digits a byte, in lower case.
inline void AppendHex(std::string_view bytes, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (char c : bytes) {
    *out += kDigits[static_cast<uint8_t>(c) >> 4];
    *out += kDigits[static_cast<uint8_t>(c) & 15];
  }
}
inline std::string Hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  AppendHex(bytes, &out);
  return out;
}

// What a digit of either case is worth; -1: it is none.
inline int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline std::string UpperCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<uint8_t>(c)));
  return text;
}

// Strings, or whole numbers, with `between` them.
template <typename Range>
std::string Joined(const Range& parts, std::string_view between) {
  std::string out;
  bool first = true;
  for (const auto& part : parts) {
    if (!first) out += between;
    first = false;
    if constexpr (std::is_integral_v<std::decay_t<decltype(part)>>) {
      AppendInt(part, &out);
    } else {
      out += part;
    }
  }
  return out;
}

}  // namespace leat
