#include "connectors/mysql/values/decimal.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"

namespace leat::mysql {
namespace {

constexpr int kGroup = 9;  // digits in four bytes
constexpr int kMostDecimalBytes = 32;
constexpr std::array<int, kGroup + 1> kBytesOf = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
constexpr std::array<uint32_t, kGroup + 1> kPowers = {
    1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

struct DecimalShape {
  int whole_rest;    // digits of the first, incomplete group before the point
  int whole_groups;  // complete ones
  int part_groups;   // after the point
  int part_rest;     // digits of the last, incomplete one

  DecimalShape(int precision, int scale)
      : whole_rest((precision - scale) % kGroup),
        whole_groups((precision - scale) / kGroup),
        part_groups(scale / kGroup),
        part_rest(scale % kGroup) {}
};

// Calls take(digits, value) for each group, first to last; the sign comes back.
template <typename Take>
bool ForEachGroup(const uint8_t* p, const DecimalShape& shape, Take take) {
  const bool negative = !(p[0] & 0x80);
  const uint32_t flip = negative ? UINT32_MAX : 0;
  uint32_t first = 0x80;  // the sign's bit, until the first group is read
  auto next = [&](int digits) {
    const int bytes = kBytesOf[static_cast<size_t>(digits)];
    auto value = static_cast<uint32_t>(BigEndian(p, bytes));
    if (first) value ^= first << 8 * (bytes - 1);
    const uint32_t mask = UINT32_MAX >> (32 - 8 * bytes);
    first = 0;
    p += bytes;
    take(digits, (value ^ flip) & mask);
  };
  if (shape.whole_rest) next(shape.whole_rest);
  for (int i = 0; i < shape.whole_groups; i++) next(kGroup);
  for (int i = 0; i < shape.part_groups; i++) next(kGroup);
  if (shape.part_rest) next(shape.part_rest);
  return negative;
}

}  // namespace

int DecimalBytes(int precision, int scale) {
  const DecimalShape s(precision, scale);
  return (s.whole_groups + s.part_groups) * 4 +
         kBytesOf[static_cast<size_t>(s.whole_rest)] +
         kBytesOf[static_cast<size_t>(s.part_rest)];
}

DecimalReader::DecimalReader(int precision, int scale) : small_(precision <= 18) {
  const DecimalShape shape(precision, scale);
  auto add = [this](int digits) {
    const auto at = static_cast<size_t>(digits);
    groups_[count_++] = {static_cast<uint8_t>(kBytesOf[at]), kPowers[at]};
  };
  if (shape.whole_rest) add(shape.whole_rest);
  for (int i = 0; i < shape.whole_groups + shape.part_groups; i++) add(kGroup);
  if (shape.part_rest) add(shape.part_rest);
}

bool AppendDecimalText(const uint8_t* p, int precision, int scale, std::string* out) {
  const DecimalShape shape(precision, scale);
  std::string digits;
  bool ok = true;
  const bool negative = ForEachGroup(p, shape, [&](int count, uint32_t value) {
    ok = ok && value < kPowers[static_cast<size_t>(count)];
    AppendInt(value, &digits, static_cast<size_t>(count));
  });
  if (!ok) return false;
  const auto whole = static_cast<size_t>(precision - scale);
  const size_t start = std::min(digits.find_first_not_of('0'), whole);
  if (negative) *out += '-';
  if (start == whole) *out += '0';
  out->append(digits, start, whole - start);
  if (scale) {
    *out += '.';
    out->append(digits, whole);
  }
  return true;
}

bool ParseDecimal(std::string_view text, int scale, Int128* value) {
  size_t i = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) i++;
  if (i == text.size() || text.size() > 2 * kMostDecimalBytes + 16) return false;
  unsigned __int128 all = 0;
  int after = -1;  // digits after the point; -1: no point yet
  for (; i < text.size(); i++) {
    if (text[i] == '.' && after < 0) {
      after = 0;
      continue;
    }
    const auto digit = static_cast<uint8_t>(text[i] - '0');
    if (digit > 9 || after == scale) return false;
    all = all * 10 + digit;
    if (after >= 0) after++;
  }
  for (int d = std::max(after, 0); d < scale; d++) all *= 10;
  *value = static_cast<Int128>(negative ? -all : all);
  return true;
}

}  // namespace leat::mysql
