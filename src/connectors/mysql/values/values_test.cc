// The parts of the decoders alone: builders, decimals, times, character sets, JSON.
#include <arrow/api.h>
#include <gmock/gmock.h>

#include "connectors/mysql/values/charset.h"
#include "connectors/mysql/values/column_builder.h"
#include "connectors/mysql/values/decimal.h"
#include "connectors/mysql/values/json_binary.h"
#include "connectors/mysql/values/json_partial.h"
#include "connectors/mysql/values/native.h"
#include "connectors/mysql/values/temporal.h"

namespace leat::mysql {
namespace {

SchemaRef OneTextColumn() {
  return TableSchema::Make({"d", "", "t"}, {{"c", arrow::utf8(), true, "text"}}, {});
}

TEST(TableBuilderTest, RowsTakenBackLeaveNoTrace) {
  TableBuilder builder(OneTextColumn());
  for (int batch = 0; batch < 3; batch++) {
    for (int i = 0; i < 1000; i++) {
      const int64_t row = builder.StartRow();
      if (i % 3 == 0) {
        builder.column(0).PutNull(row);
      } else {
        builder.column(0).PutBytes(row, std::to_string(i));
      }
      if (i % 2) {
        builder.RollbackRow();
      } else {
        builder.CommitRow();
      }
    }
    EXPECT_GT(builder.bytes(), 1000);
    auto rows = *builder.Finish();
    ASSERT_TRUE(rows->ValidateFull().ok());
    ASSERT_EQ(500, rows->num_rows());
    EXPECT_EQ(167, rows->column(0)->null_count());
    const auto& texts = static_cast<const arrow::StringArray&>(*rows->column(0));
    for (int64_t i = 0; i < 500; i++) {
      EXPECT_EQ(i * 2 % 3 == 0, texts.IsNull(i));
      EXPECT_EQ(texts.IsNull(i) ? "" : std::to_string(i * 2), texts.GetView(i));
    }
  }
}

TEST(TableBuilderTest, ACommittedRowCanBeTakenBack) {
  TableBuilder builder(OneTextColumn());
  for (const char* text : {"a", "b"}) {
    builder.column(0).PutBytes(builder.StartRow(), text);
    builder.CommitRow();
  }
  builder.RollbackCommitted();
  auto rows = *builder.Finish();
  ASSERT_EQ(1, rows->num_rows());
  EXPECT_EQ("a", (*rows->column(0)->GetScalar(0))->ToString());
}

TEST(DecimalTest, Scar_15_ReadsItsPackedForm) {
  // DECIMAL(14,4), as MySQL's manual packs 1234567890.1234 and its negative.
  const uint8_t bytes[] = {0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2};
  const uint8_t negative[] = {0x7e, 0xf2, 0x04, 0xc7, 0x2d, 0xfb, 0x2d};
  ASSERT_EQ(7, DecimalBytes(14, 4));
  Int128 value = 0;
  ASSERT_TRUE(DecimalReader(14, 4).Read(bytes, &value));
  EXPECT_TRUE(value == 12345678901234);
  ASSERT_TRUE(DecimalReader(14, 4).Read(negative, &value));
  EXPECT_TRUE(value == -12345678901234);
  std::string text;
  ASSERT_TRUE(AppendDecimalText(negative, 14, 4, &text));
  EXPECT_EQ("-1234567890.1234", text);
  const uint8_t too_much[] = {0x81, 0xff, 0xff, 0xff, 0xff, 0x04, 0xd2};
  EXPECT_FALSE(DecimalReader(14, 4).Read(too_much, &value));
}

TEST(DecimalTest, Scar_15_ParsesText) {
  Int128 value = 0;
  ASSERT_TRUE(ParseDecimal("-0.5", 3, &value));
  EXPECT_TRUE(value == -500);
  ASSERT_TRUE(ParseDecimal("00012", 0, &value));
  EXPECT_TRUE(value == 12);
  for (const char* text : {"", "-", "1.2.3", "1e5", "0.1234", "abc"}) {
    EXPECT_FALSE(ParseDecimal(text, 3, &value)) << text;
  }
}

TEST(TemporalTest, Scar_14_NegativeTimesCountBackwards) {
  const uint8_t minus_one_and_half[] = {0x7f, 0xff, 0xfe, 0xce};
  EXPECT_EQ(-1'500'000, ReadTime(minus_one_and_half, 2));
  const uint8_t minus_one[] = {0x7f, 0xff, 0xff};
  EXPECT_EQ(-1'000'000, ReadTime(minus_one, 0));
}

TEST(TemporalTest, Scar_14_DaysOfTheWholeRange) {
  EXPECT_EQ(0, DaysOf(1970, 1, 1));
  EXPECT_EQ(-719'162, DaysOf(1, 1, 1));
  EXPECT_EQ(2'932'896, DaysOf(9999, 12, 31));
  EXPECT_TRUE(IsDate(2000, 2, 29));
  for (auto [y, m, d] : {std::tuple{1900u, 2u, 29u},
                         {2024u, 0u, 1u},
                         {2024u, 13u, 1u},
                         {2024u, 4u, 31u},
                         {0u, 0u, 0u}}) {
    EXPECT_FALSE(IsDate(y, m, d)) << y << '-' << m << '-' << d;
  }
}

TEST(CharsetTest, Scar_16_ConvertsOrRefuses) {
  struct Case {
    const char* set;
    std::string bytes;
    const char* utf8;  // nullptr: refused
  };
  const Case cases[] = {
      {"latin1", "\x80\xe9", "€é"},
      {"koi8r", "\xd6", "ж"},
      {"utf16", std::string("\xd8\x3d\xde\x00", 4), "😀"},
      {"utf16le", std::string("\x3d\xd8\x00\xde", 4), "😀"},
      {"utf16", std::string("\xd8\x3d\x00\x41", 4), nullptr},
      {"ucs2", "\x6f", nullptr},
      {"utf32", std::string("\0\1\xf6\0", 4), "😀"},
      {"utf32", std::string("\0\x11\0\0", 4), nullptr},
      {"gbk", "\xba\xba", "汉"},
      {"gbk", "\xba", nullptr},
      {"sjis", "\x93\xfa\\", "日\\"},
      {"ujis", "\x8f\xb0\xa1", "丂"},
      {"gb18030", "\x94\x39\xfc\x36", "😀"},
      {"ascii", "\x80", nullptr},
      {"utf8mb4", "\xc0\x80", nullptr},
      {"utf8mb4", "\xed\xa0\x80", nullptr},
      {"utf8mb4", "12345678\xf4\x90\x80\x80", nullptr},
      {"utf8mb4", "12345678é", "12345678é"},
      {"swe7", "\x5b", "Ä"},
  };
  for (const Case& one : cases) {
    std::string out;
    const bool ok = Charset::Named(one.set)->ToUtf8(one.bytes, &out);
    EXPECT_EQ(one.utf8 != nullptr, ok) << one.set;
    EXPECT_EQ(one.utf8 ? one.utf8 : "", out) << one.set;
  }
}

TEST(JsonBinaryTest, HostileDocumentsAreRefused) {
  std::string text;
  EXPECT_TRUE(AppendJsonText("", &text));
  EXPECT_EQ("null", text);
  // An array whose element is the array itself; a string longer than the document.
  EXPECT_FALSE(AppendJsonText(std::string("\x02\x01\x00\x07\x00\x02\x00\x00", 8), &text));
  EXPECT_FALSE(AppendJsonText(std::string("\x0c\xff\xff\xff\xff\x0f", 6), &text));
  EXPECT_FALSE(AppendJsonText("\x63", &text));
  // Nested arrays that each name the next one twice.
  std::string bomb("\x02", 1);
  for (int depth = 0; depth < 60; depth++) {
    const std::string array("\x02\x00\xff\x03\x02\x0a\x00\x02\x0a\x00", 10);
    bomb += array;
  }
  bomb.resize(1 + 0x3ff, '\0');
  EXPECT_FALSE(AppendJsonText(bomb, &text));
}

TEST(JsonPartialTest, Scar_11_DifferencesThatDoNotFitAreRefused) {
  const std::string number("\x05\x01\x00", 3);
  std::string out;
  EXPECT_TRUE(AppendPatchedJson(number, "", &out));
  EXPECT_EQ("1", out);
  for (const std::string& diff :
       {std::string("\x02\x03$.a", 5), std::string("\x00\x03$.a\x03\x05\x02\x00", 9),
        std::string("\x09\x01$", 3), std::string("\x00\x01$", 3),
        std::string("\x02\x01$", 3), std::string("\x02\x05$[9z]", 7)}) {
    EXPECT_FALSE(AppendPatchedJson(number, diff, &out));
  }
}

TEST(NativeTest, PrintsAsTheServer) {
  EXPECT_EQ("1.2.0.0", NativeText(Native::kInet4, "\x01\x02"));
  EXPECT_EQ("::", NativeText(Native::kInet6, ""));
  EXPECT_EQ("fe80::", NativeText(Native::kInet6, "\xfe\x80"));
  EXPECT_EQ("12000000-0000-0000-0000-000000000000", NativeText(Native::kUuid, "\x12"));
}

TEST(UncompressTest, RefusesWhatIsNotWhole) {
  std::string out;
  EXPECT_TRUE(Uncompress(std::string("\0abc", 4), 100, &out));
  EXPECT_EQ("abc", out);
  EXPECT_FALSE(Uncompress("\x89", 100, &out));
  EXPECT_FALSE(Uncompress("\x89\xc8zzz", 1000, &out));
  EXPECT_FALSE(
      Uncompress(std::string("\x8f\xff\xff\xff\xff\xff\xff\xff", 8), 1000, &out));
}

}  // namespace
}  // namespace leat::mysql
