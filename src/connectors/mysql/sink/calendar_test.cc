#include "connectors/mysql/sink/calendar.h"

#include <gtest/gtest.h>

namespace leat::mysql {
namespace {

std::string Decimal(__int128 value, int scale) {
  DecimalText text(reinterpret_cast<const uint8_t*>(&value), scale);
  return std::string(text.view());
}

TEST(CalendarTest, SplitsWhatDaysOfJoins) {
  for (uint32_t year :
       {0u, 1u, 4u, 100u, 400u, 1582u, 1900u, 1969u, 1970u, 2000u, 2024u, 2100u, 9999u}) {
    for (uint32_t month = 1; month <= 12; month++) {
      for (uint32_t day = 1; day <= 31; day++) {
        if (!IsDate(year, month, day)) continue;
        const auto t =
            SplitMicros(DaysOf(year, month, day) * kDayMicros + kDayMicros - 1);
        ASSERT_TRUE(t) << year;
        EXPECT_EQ(t->year, year);
        EXPECT_EQ(t->month, month);
        EXPECT_EQ(t->day, day);
        EXPECT_EQ(t->hour * 10'000 + t->minute * 100 + t->second, 235'959u);
        EXPECT_EQ(t->micros, 999'999u);
      }
    }
  }
  EXPECT_FALSE(SplitMicros(DaysOf(9999, 12, 31) * kDayMicros + kDayMicros));
  EXPECT_FALSE(SplitMicros(DaysOf(0, 1, 1) * kDayMicros - 1));
}

TEST(CalendarTest, ReadsIso8601) {
  const int64_t noon = DaysOf(2024, 2, 29) * kDayMicros + kDayMicros / 2;
  EXPECT_EQ(ParseIsoTime("2024-02-29"), noon - kDayMicros / 2);
  EXPECT_EQ(ParseIsoTime("2024-02-29T12:00:00Z"), noon);
  EXPECT_EQ(ParseIsoTime("2024-02-29 12:00"), noon);
  EXPECT_EQ(ParseIsoTime("2024-02-29T12:00:00.5+00:00"), noon + kMicros / 2);
  EXPECT_EQ(ParseIsoTime("2024-02-29T13:30:00+0130"), noon);
  EXPECT_EQ(ParseIsoTime("2024-02-29T11:00:00-01"), noon);
  EXPECT_EQ(ParseIsoTime("2024-02-29T12:00:00.123456000Z"), noon + 123'456);
  for (const char* text :
       {"", "2024-02-30", "2024-02-29T24:00:00", "2024-02-29T12:00:00.1234567",
        "2024-02-29T12:00:00 PST", "20240229", "2024-02-29T12:00:00+", "0000-00-00"}) {
    EXPECT_FALSE(ParseIsoTime(text)) << text;
  }
}

TEST(DecimalTextTest, HasEveryDigit) {
  EXPECT_EQ(Decimal(0, 0), "0");
  EXPECT_EQ(Decimal(0, 2), "0.00");
  EXPECT_EQ(Decimal(-1, 2), "-0.01");
  EXPECT_EQ(Decimal(12'345, 2), "123.45");
  EXPECT_EQ(Decimal(-5, 0), "-5");
  __int128 nines = 0;
  for (int i = 0; i < 38; i++) nines = nines * 10 + 9;
  EXPECT_EQ(Decimal(nines, 0), std::string(38, '9'));
  EXPECT_EQ(Decimal(-nines, 38), "-0." + std::string(38, '9'));
  EXPECT_EQ(Decimal(nines, 10), std::string(28, '9') + "." + std::string(10, '9'));
}

TEST(DecimalTextTest, DropsZerosOnly) {
  const __int128 whole = 1'500;
  DecimalText text(reinterpret_cast<const uint8_t*>(&whole), 2);
  EXPECT_TRUE(text.DropZeros());
  EXPECT_EQ(text.view(), "15");
  const __int128 half = 1'550;
  EXPECT_FALSE(DecimalText(reinterpret_cast<const uint8_t*>(&half), 2).DropZeros());
}

}  // namespace
}  // namespace leat::mysql
