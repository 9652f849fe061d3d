#include "core/units.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

TEST(Units, ReadsDurations) {
  EXPECT_EQ(ParseDuration("250ms"), 250'000);
  EXPECT_EQ(ParseDuration("1.5h"), 5'400'000'000);
  EXPECT_EQ(ParseDuration("2 d"), 172'800'000'000);
  EXPECT_EQ(ParseDuration("0s"), 0);
  for (const char* wrong : {"", "30", "s", "5 minutes", "1h30m", "-1s", "1e3s", "1..5s",
                            "9223372036854775807d", "99999999999999999999.9d", "5M"}) {
    EXPECT_EQ(ParseDuration(wrong), std::nullopt) << wrong;
  }
}

TEST(Units, ReadsSizes) {
  EXPECT_EQ(ParseBytes("4096"), 4096);
  EXPECT_EQ(ParseBytes("64MiB"), 64 << 20);
  EXPECT_EQ(ParseBytes("1GB"), 1'000'000'000);
  EXPECT_EQ(ParseBytes("1.5 kib"), 1536);
  for (const char* wrong : {"", "MiB", "-1", "1 giga", "9999999999TiB", "0x10"}) {
    EXPECT_EQ(ParseBytes(wrong), std::nullopt) << wrong;
  }
}

TEST(Units, FormatsWhatReadsBackTheSame) {
  for (int64_t micros : {0L, 1L, 250'000L, 1'000'000L, 90'000'000L, 86'400'000'000L}) {
    EXPECT_EQ(ParseDuration(FormatDuration(micros)), micros);
  }
  EXPECT_EQ(FormatDuration(90'000'000), "90s");
  EXPECT_EQ(FormatBytes(64 << 20), "64MiB");
  EXPECT_EQ(FormatBytes(1000), "1000");
}

TEST(Units, FormatsForPeople) {
  EXPECT_EQ(HumanCount(1'234'567), "1,234,567");
  EXPECT_EQ(HumanCount(-999), "-999");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanDuration(200'000'000), "3m 20s");
}

}  // namespace
}  // namespace leat
