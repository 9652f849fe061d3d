#include "base/text.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/clock.h"

namespace leat {
namespace {

std::string InDigits(int64_t value, size_t width) {
  std::string out;
  AppendInt(value, &out, width);
  return out;
}

TEST(TextTest, WholeNumbers) {
  EXPECT_EQ(InDigits(0, 0), "0");
  EXPECT_EQ(InDigits(INT64_MIN, 0), "-9223372036854775808");
  EXPECT_EQ(InDigits(7, 4), "0007");
  EXPECT_EQ(InDigits(12'345, 4), "12345");
}

TEST(TextTest, HexadecimalDigits) {
  EXPECT_EQ(Hex(std::string_view("\x00\x1f\xff", 3)), "001fff");
  EXPECT_EQ(Hex(""), "");
  EXPECT_EQ(HexDigit('9') + HexDigit('a') + HexDigit('F'), 9 + 10 + 15);
  EXPECT_EQ(HexDigit('g'), -1);
}

TEST(TextTest, Lists) {
  EXPECT_EQ(Joined(std::vector<std::string>{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(Joined(std::vector<int64_t>{1, -2}, " "), "1 -2");
  EXPECT_EQ(Joined(std::vector<std::string>{}, ","), "");
}

TEST(TextTest, TimesInUtc) {
  EXPECT_EQ(UtcText(0, 'T'), "1970-01-01T00:00:00");
  EXPECT_EQ(UtcText(1'709'210'096, ' '), "2024-02-29 12:34:56");
  EXPECT_EQ(UtcText(-1, ' '), "1969-12-31 23:59:59");
}

}  // namespace
}  // namespace leat
