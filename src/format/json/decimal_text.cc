#include "format/json/decimal_text.h"

#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

#include "format/json/text.h"

namespace leat::json {
namespace {

// Digits of the absolute value, right-aligned; answers where they start.
size_t Digits(arrow::Decimal128 value, std::array<char, 40>* digits) {
  auto high = static_cast<uint64_t>(value.high_bits());
  uint64_t low = value.low_bits();
  if (value.IsNegative()) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  auto wide = static_cast<unsigned __int128>(high) << 64 | low;
  size_t at = digits->size();
  constexpr uint64_t kBlock = 10'000'000'000'000'000'000U;  // 10^19
  while (wide >> 64) {
    auto block = static_cast<uint64_t>(wide % kBlock);
    wide /= kBlock;
    for (int i = 0; i < 19; i++, block /= 10) {
      (*digits)[--at] = static_cast<char>('0' + block % 10);
    }
  }
  for (auto rest = static_cast<uint64_t>(wide); rest > 0; rest /= 10) {
    (*digits)[--at] = static_cast<char>('0' + rest % 10);
  }
  return at;
}

// The shortest two's complement of big-endian bytes that has room for the sign.
std::string_view Shortest(std::string_view bytes) {
  while (bytes.size() > 1) {
    const bool negative = (bytes[1] & 0x80) != 0;
    if (bytes[0] != (negative ? '\xff' : '\0')) break;
    bytes.remove_prefix(1);
  }
  return bytes;
}

std::array<char, 16> BigEndian(const arrow::Decimal128& value) {
  std::array<char, 16> bytes;
  auto high = static_cast<uint64_t>(value.high_bits());
  uint64_t low = value.low_bits();
  for (int i = 7; i >= 0; i--, high >>= 8, low >>= 8) {
    bytes[static_cast<size_t>(i)] = static_cast<char>(high);
    bytes[static_cast<size_t>(i) + 8] = static_cast<char>(low);
  }
  return bytes;
}

}  // namespace

char* WriteDecimalText(const arrow::Decimal128& value, int32_t scale, char* out) {
  if (value.IsNegative()) *out++ = '-';
  std::array<char, 40> digits;
  size_t at = Digits(value, &digits);
  const size_t point = digits.size() - static_cast<size_t>(scale);
  while (at >= point) digits[--at] = '0';
  out = WriteText({digits.data() + at, point - at}, out);
  if (scale == 0) return out;
  *out++ = '.';
  return WriteText({digits.data() + point, static_cast<size_t>(scale)}, out);
}

char* WriteDecimalDouble(const arrow::Decimal128& value, int32_t scale, char* out) {
  std::array<char, 64> text;
  const char* end = WriteDecimalText(value, scale, text.data());
  return WriteDigitsAsDouble({text.data(), static_cast<size_t>(end - text.data())}, out);
}

char* WriteDigitsAsDouble(std::string_view digits, char* out) {
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return WriteDouble(value, out);
}

char* WriteUnscaled(const arrow::Decimal128& value, char* out) {
  const std::array<char, 16> bytes = BigEndian(value);
  return WriteBase64(Shortest({bytes.data(), bytes.size()}), out);
}

std::string UnscaledBytes(const arrow::Decimal128& value) {
  const std::array<char, 16> bytes = BigEndian(value);
  return std::string(Shortest({bytes.data(), bytes.size()}));
}

char* WriteUnscaledDigits(std::string_view digits, char* out) {
  const bool negative = digits.starts_with('-');
  // Little-endian words of the absolute value, nine digits at a time would be faster;
  // such wide decimals are too rare to care.
  std::vector<uint32_t> words{0};
  for (const char c : digits) {
    if (c < '0' || c > '9') continue;
    uint64_t carry = static_cast<uint64_t>(c - '0');
    for (uint32_t& word : words) {
      carry += uint64_t{word} * 10;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry) words.push_back(static_cast<uint32_t>(carry));
  }
  words.push_back(0);
  if (negative) {
    uint64_t carry = 1;
    for (uint32_t& word : words) {
      carry += uint32_t{~word};
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  std::string bytes;
  for (auto word = words.rbegin(); word != words.rend(); ++word) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(*word >> shift);
    }
  }
  return WriteBase64(Shortest(bytes), out);
}

std::optional<arrow::Decimal128> ReadUnscaled(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const char sign = (bytes[0] & 0x80) != 0 ? '\xff' : '\0';
  while (bytes.size() > 16 && bytes[0] == sign && (bytes[1] & 0x80) == (sign & 0x80)) {
    bytes.remove_prefix(1);
  }
  if (bytes.size() > 16) return std::nullopt;
  auto read = arrow::Decimal128::FromBigEndian(
      reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int32_t>(bytes.size()));
  return read.ok() ? std::optional(*read) : std::nullopt;
}

std::string UnscaledDigits(std::string_view bytes, int32_t scale) {
  const bool negative = !bytes.empty() && (bytes[0] & 0x80) != 0;
  // The absolute value, big-endian, divided by ten again and again.
  std::vector<uint8_t> number(bytes.begin(), bytes.end());
  if (negative) {
    unsigned carry = 1;
    for (auto byte = number.rbegin(); byte != number.rend(); ++byte) {
      carry += static_cast<uint8_t>(~*byte);
      *byte = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
  }
  std::string digits;  // the last one first
  for (size_t start = 0; start < number.size();) {
    unsigned rest = 0;
    for (size_t i = start; i < number.size(); i++) {
      rest = rest << 8 | number[i];
      number[i] = static_cast<uint8_t>(rest / 10);
      rest %= 10;
    }
    digits += static_cast<char>('0' + rest);
    while (start < number.size() && number[start] == 0) start++;
  }
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  if (scale < 0) digits.insert(0, static_cast<size_t>(-scale), '0');
  const auto point = static_cast<size_t>(std::max(scale, 0));
  if (digits.size() <= point) digits.append(point + 1 - digits.size(), '0');
  if (point > 0) digits.insert(point, 1, '.');
  if (negative) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

}  // namespace leat::json
