#include "connectors/mysql/log/row_decoder.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "connectors/mysql/log/captured.h"
#include "connectors/mysql/log/table_map.h"
#include "connectors/mysql/values/charset.h"
#include "connectors/mysql/values/text_decoder.h"

namespace leat::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Column bitmaps and the images, after the fixed parts of the events.
constexpr size_t kMariaColumns = 9;   // table id, flags, the number of columns
constexpr size_t kMySqlColumns = 11;  // the same with two bytes of extra data

TableDef LogTable(const char* name, Flavor flavor) {
  auto map = ParseTableMap(Captured(name), flavor);
  EXPECT_TRUE(map.ok()) << map.status().ToString();
  return map->table;
}

std::vector<std::string> RowTexts(TableBuilder* builder, int64_t row) {
  auto batch = *builder->Finish();
  EXPECT_TRUE(batch->ValidateFull().ok());
  std::vector<std::string> texts;
  for (int i = 0; i < batch->num_columns(); i++) {
    std::string text = (*batch->column(i)->GetScalar(row))->ToString();
    if (batch->column(i)->type_id() == arrow::Type::BINARY && text != "null") {
      std::string hex;
      for (char c : text) hex += fmt::format("{:02X}", static_cast<uint8_t>(c));
      text = hex;
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

class RowDecoderTest : public testing::Test {
 protected:
  RowDecoderTest()
      : table_(LogTable("maria_map", Flavor::kMariaDb)),
        schema_(*MakeSchema(table_)),
        write_(Captured("maria_write").substr(kMariaColumns + 3)),
        update_(Captured("maria_update").substr(kMariaColumns + 6)) {}

  TableDef table_;
  SchemaRef schema_;
  std::string write_;
  std::string update_;
  DeadLetter reject_;
};

TEST_F(RowDecoderTest, ReadsAnInsertedRow) {
  RowDecoder decoder(table_, {});
  TableBuilder rows(schema_);
  ByteReader in(write_);
  auto done = decoder.Append(&in, &rows, &reject_);
  ASSERT_TRUE(done.ok() && *done) << done.status().ToString() << reject_.reason;
  EXPECT_EQ(0u, in.left());
  EXPECT_THAT(
      RowTexts(&rows, 0),
      ElementsAre("18446744073709551615", "é€", "-5", "16777215", "-1234.500", "2024",
                  "true", "0101", "1.5", "2024-02-29", "2024-10-27 01:30:00.123000Z",
                  "9999-12-31 23:59:59.999999", "-3600250000", "päid", "x,y", "01020000",
                  "漢", "0101000000000000000000F03F0000000000000040", "null"));
}

TEST_F(RowDecoderTest, ReadsAnUpdateWithTheKeyOfItsBeforeImage) {
  RowDecoder decoder(table_, {});
  TableBuilder after(schema_);
  TableBuilder before(schema_, table_.key);
  ByteReader in(update_);
  auto done = decoder.AppendUpdate(&in, false, &before, &after, &reject_);
  ASSERT_TRUE(done.ok() && *done) << reject_.reason;
  EXPECT_EQ(1, decoder.zero_dates());
  const auto now = RowTexts(&after, 0);
  EXPECT_EQ("7", now[2]);
  EXPECT_EQ("0.001", now[4]);
  EXPECT_EQ("null", now[9]);
  auto old = *before.Finish();
  EXPECT_EQ(schema_->columns.size(), static_cast<size_t>(old->num_columns()));
  EXPECT_EQ("é€", (*old->column(1)->GetScalar(0))->ToString());
  EXPECT_EQ(1, old->column(2)->null_count());
  EXPECT_EQ(1, old->column(16)->null_count());
}

TEST_F(RowDecoderTest, Scar_14_AFaultyRowLeavesNothingButADeadLetter) {
  RowDecoder decoder(table_, {ValueOptions::ZeroDates::kDeadLetter});
  TableBuilder after(schema_);
  TableBuilder before(schema_);
  ByteReader first(write_);
  ASSERT_TRUE(*decoder.Append(&first, &after, &reject_));
  ByteReader in(update_);
  auto done = decoder.AppendUpdate(&in, false, &before, &after, &reject_);
  ASSERT_TRUE(done.ok());
  EXPECT_FALSE(*done);
  EXPECT_EQ(0u, in.left());
  EXPECT_EQ("cap.t", reject_.table);
  EXPECT_THAT(reject_.reason, HasSubstr("`dt`"));
  EXPECT_THAT(reject_.reason, HasSubstr("0000-00-00"));
  EXPECT_THAT(reject_.row, HasSubstr("\"k\":\"é€\""));
  EXPECT_THAT(reject_.row, HasSubstr("\"bin\":\"01020000\""));
  EXPECT_EQ(0, before.rows());
  EXPECT_EQ(1, after.rows());
  EXPECT_EQ("-5", RowTexts(&after, 0)[2]);
}

TEST_F(RowDecoderTest, AnyCutIsAnErrorThatLeavesTheBuildersAsTheyWere) {
  RowDecoder decoder(table_, {});
  TableBuilder rows(schema_);
  TableBuilder before(schema_);
  for (size_t n = 0; n < write_.size(); n++) {
    ByteReader in(std::string_view(write_).substr(0, n));
    EXPECT_EQ(ErrorKind::kTransient,
              decoder.Append(&in, &rows, &reject_).status().kind());
    ByteReader two(std::string_view(update_).substr(0, n));
    EXPECT_FALSE(decoder.AppendUpdate(&two, false, &before, &rows, &reject_).ok());
  }
  EXPECT_EQ(0, rows.rows());
  EXPECT_EQ(0, before.rows());
  ByteReader in(write_);
  ASSERT_TRUE(*decoder.Append(&in, &rows, &reject_));
  EXPECT_EQ("é€", RowTexts(&rows, 0)[1]);
}

// Rows of all kinds, more than a block has: each with two images, of an insert or an
// update.
std::string ManyRows(const std::string& write, const std::string& update) {
  std::string rows;
  for (int i = 0; i < 150; i++) rows += i % 3 == 0 ? write + write : update;
  return rows;
}

TEST_F(RowDecoderTest, BlocksOfRowsAreTheSameAsRows) {
  const std::string many = ManyRows(write_, update_);
  for (const bool update : {false, true}) {
    RowDecoder decoder(table_, {});
    TableBuilder after(schema_), before(schema_, table_.key);
    TableBuilder block_after(schema_), block_before(schema_, table_.key);
    for (ByteReader in(many); in.left() > 0;) {
      auto done = update ? decoder.AppendUpdate(&in, false, &before, &after, &reject_)
                         : decoder.Append(&in, &after, &reject_);
      ASSERT_TRUE(done.ok() && *done) << done.status().ToString();
    }
    const int64_t zero_dates = decoder.zero_dates();
    for (ByteReader in(many); in.left() > 0;) {
      ASSERT_GT(decoder.AppendBlock(&in, update, &block_before, &block_after), 0);
    }
    EXPECT_EQ(decoder.zero_dates(), 2 * zero_dates);
    auto batch = *block_after.Finish();
    EXPECT_TRUE(batch->ValidateFull().ok());
    EXPECT_EQ(batch->num_rows(), update ? 150 : 300);
    EXPECT_TRUE(batch->Equals(**after.Finish()));
    EXPECT_TRUE((*block_before.Finish())->Equals(**before.Finish()));
  }
}

ColumnDef LogColumn(const char* name, Type type, uint32_t length, const char* charset) {
  ColumnDef column;
  column.name = name;
  column.type = type;
  column.length = length;
  column.charset = charset ? Charset::Named(charset) : nullptr;
  return column;
}

// Text of any length and kind among nulls: what is copied wide must not show.
TEST(BlockTest, TextsAmongNullsAreTheSameAsInRows) {
  TableDef table;
  table.id = {"d", "", "t"};
  table.columns = {LogColumn("i", Type::kLong, 0, nullptr),
                   LogColumn("s", Type::kVarchar, 80, "utf8mb4"),
                   LogColumn("l", Type::kVarchar, 300, "latin1"),
                   LogColumn("b", Type::kBlob, 2, "binary"),
                   LogColumn("u", Type::kVarchar, 400, "ucs2"),
                   LogColumn("n", Type::kLongLong, 0, nullptr)};
  std::string rows;
  for (uint32_t i = 0; i < 1000; i++) {
    const uint32_t nulls = i * 2654435761u >> 26 & (i % 5 == 0 ? 0x3f : 0);
    std::string text(i % 71, static_cast<char>('a' + i % 26));
    if (i % 7 == 0 && !text.empty()) text.replace(0, 1, "é");
    rows += static_cast<char>(nulls | 0xc0);
    if (!(nulls & 1)) rows.append(reinterpret_cast<const char*>(&i), 4);
    if (!(nulls & 2)) rows += static_cast<char>(text.size()) + text;
    if (!(nulls & 4)) rows += std::string("\4\0ab\xe9!", 6);
    if (!(nulls & 8)) rows += std::string("\5\0\0\xff\0\x80", 6) + "z";
    if (!(nulls & 16)) rows += std::string("\4\0\0a\x20\xac", 6);
    if (!(nulls & 32)) rows.append(8, static_cast<char>(i));
  }
  RowDecoder decoder(table, {});
  TableBuilder singly(*MakeSchema(table)), blocks(*MakeSchema(table));
  DeadLetter reject;
  for (ByteReader in(rows); in.left() > 0;) {
    auto done = decoder.Append(&in, &singly, &reject);
    ASSERT_TRUE(done.ok() && *done) << done.status().ToString() << reject.reason;
  }
  for (ByteReader in(rows); in.left() > 0;) {
    ASSERT_GT(decoder.AppendBlock(&in, false, nullptr, &blocks), 0);
  }
  auto batch = *blocks.Finish();
  EXPECT_TRUE(batch->ValidateFull().ok());
  EXPECT_EQ(batch->num_rows(), 1000);
  EXPECT_TRUE(batch->Equals(**singly.Finish()));
}

TEST_F(RowDecoderTest, ABlockWithARowThatIsFaultyOrCutLeavesNothing) {
  RowDecoder decoder(table_, {ValueOptions::ZeroDates::kDeadLetter});
  TableBuilder rows(schema_), before(schema_);
  ByteReader first(write_);
  ASSERT_EQ(1, decoder.AppendBlock(&first, false, nullptr, &rows));
  const std::string faulty = write_ + write_ + update_;
  ByteReader in(faulty);
  EXPECT_EQ(0, decoder.AppendBlock(&in, true, &before, &rows));
  EXPECT_EQ(faulty.size(), in.left());
  for (size_t n = 1; n < write_.size(); n++) {
    ByteReader cut(std::string_view(faulty).substr(0, write_.size() + n));
    EXPECT_EQ(0, decoder.AppendBlock(&cut, false, nullptr, &rows)) << n;
    EXPECT_EQ(write_.size() + n, cut.left());
  }
  EXPECT_EQ(0, before.rows());
  auto batch = *rows.Finish();
  EXPECT_TRUE(batch->ValidateFull().ok());
  EXPECT_EQ(1, batch->num_rows());
}

TEST_F(RowDecoderTest, SkipsARow) {
  RowDecoder decoder(table_, {});
  ByteReader in(write_);
  EXPECT_TRUE(decoder.Skip(&in).ok());
  EXPECT_EQ(0u, in.left());
}

TEST_F(RowDecoderTest, Scar_11_AnImageWithoutAllColumnsIsAConfigError) {
  RowDecoder decoder(table_, {});
  const std::string all = "\xff\xff\x07";
  const std::string some = "\xff\x7f\x07";
  EXPECT_TRUE(decoder.SetColumns(19, all, all).ok());
  EXPECT_TRUE(decoder.SetColumns(19, all, some).ok());
  for (const Status& status :
       {decoder.SetColumns(19, some, {}), decoder.SetColumns(19, some, all)}) {
    EXPECT_EQ(ErrorKind::kConfig, status.kind());
    EXPECT_THAT(status.message(), HasSubstr("`bin`"));
    EXPECT_THAT(status.message(), HasSubstr("SET GLOBAL binlog_row_image=FULL"));
  }
  EXPECT_EQ(ErrorKind::kTransient, decoder.SetColumns(18, all, all).kind());
}

// MariaDB's FULL_NODUP: an after image of the columns that changed, over a whole before
// image.
TEST_F(RowDecoderTest, Scar_11_WhatAnAfterImageLacksDidNotChange) {
  RowDecoder decoder(table_, {});
  const std::string all = "\xff\xff\x07";
  const std::string two = std::string("\x21\0\0", 3);  // the first and the year
  ASSERT_TRUE(decoder.SetColumns(19, all, two).ok());
  // NULL bits for two columns: the first is NULL, the year is 1900 + 125.
  const std::string update = write_ + "\x01" + "\x7d";
  TableBuilder before(schema_);
  TableBuilder after(schema_);
  ByteReader in(update);
  auto done = decoder.AppendUpdate(&in, false, &before, &after, &reject_);
  ASSERT_TRUE(done.ok() && *done) << done.status().ToString() << reject_.reason;
  EXPECT_EQ(0u, in.left());
  std::vector<std::string> expected = RowTexts(&before, 0);
  expected[0] = "null";
  expected[5] = "2025";
  EXPECT_EQ(expected, RowTexts(&after, 0));
  ByteReader cut(std::string_view(update).substr(0, update.size() - 1));
  EXPECT_FALSE(decoder.AppendUpdate(&cut, false, &before, &after, &reject_).ok());
}

TEST_F(RowDecoderTest, Scar_19_TheTextRowIsTheSame) {
  RowDecoder decoder(table_, {});
  TableBuilder rows(schema_);
  ByteReader in(write_);
  ASSERT_TRUE(*decoder.Append(&in, &rows, &reject_));
  const std::string point("\0\0\0\0\1\1\0\0\0\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40", 25);
  const std::vector<std::string> values = {"18446744073709551615",
                                           "\xe9\x80",
                                           "-5",
                                           "16777215",
                                           "-1234.500",
                                           "2024",
                                           "\x01",
                                           "\x01\x01",
                                           "1.5",
                                           "2024-02-29",
                                           "2024-10-27 01:30:00.123",
                                           "9999-12-31 23:59:59.999999",
                                           "-01:00:00.25",
                                           "päid",
                                           "x,y",
                                           std::string("\1\2\0\0", 4),
                                           "\x6f\x22",
                                           point};
  std::vector<const char*> row;
  std::vector<unsigned long> lengths;
  for (const std::string& value : values) {
    row.push_back(value.data());
    lengths.push_back(value.size());
  }
  row.push_back(nullptr);
  lengths.push_back(0);
  TextDecoder text(table_, {});
  TableBuilder text_rows(schema_);
  auto done = text.Append(row.data(), lengths.data(), &text_rows, &reject_);
  ASSERT_TRUE(done.ok() && *done) << done.status().ToString() << reject_.reason;
  EXPECT_TRUE((*rows.Finish())->Equals(**text_rows.Finish()));

  row[9] = "2024-02-2x";
  done = text.Append(row.data(), lengths.data(), &text_rows, &reject_);
  EXPECT_EQ(ErrorKind::kTransient, done.status().kind());
  EXPECT_THAT(done.status().message(), HasSubstr("`dt`"));
  EXPECT_EQ(0, text_rows.rows());
}

TEST(PartialUpdateTest, Scar_11_DifferencesAreAppliedToTheBeforeImage) {
  const TableDef table = LogTable("mysql_map", Flavor::kMySql);
  const std::string update = Captured("mysql_partial").substr(kMySqlColumns + 2);
  RowDecoder decoder(table, {});
  TableBuilder before(*MakeSchema(table));
  TableBuilder after(*MakeSchema(table));
  DeadLetter reject;
  ByteReader in(update);
  auto done = decoder.AppendUpdate(&in, true, &before, &after, &reject);
  ASSERT_TRUE(done.ok() && *done) << done.status().ToString() << reject.reason;
  EXPECT_EQ(0u, in.left());
  EXPECT_THAT(RowTexts(&before, 0),
              ElementsAre("1",
                          R"({"b": [1, 2.5, "x\"y"], "n": 18446744073709551615, "t": )"
                          R"(true, "aa": {"k": null}})",
                          "0000803F000000C0", "null"));
  EXPECT_THAT(RowTexts(&after, 0),
              ElementsAre("2",
                          R"({"b": [1, 2.5, "new"], "n": 18446744073709551615, "t": )"
                          R"(true, "z": 70000, "aa": {"k": null}})",
                          "0000803F000000C0", "null"));
}

TEST(SelectExpressionTest, AsksForWhatLosesNothing) {
  TableDef table = LogTable("maria_map", Flavor::kMariaDb);
  EXPECT_EQ("`i`", SelectExpression(table.columns[2]));
  EXPECT_EQ("`f`*1e0", SelectExpression(table.columns[8]));
  EXPECT_EQ("CAST(`k` AS BINARY)", SelectExpression(table.columns[1]));
  EXPECT_EQ("`a``b`", QuoteName("a`b"));
}

}  // namespace
}  // namespace leat::mysql
