#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/codec_testing.h"

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Decoder> CsvReader(std::string_view columns, CsvOptions csv = {},
                                   std::vector<std::string> key = {}) {
  DecoderOptions options;
  options.format.name = "csv";
  options.format.columns = Must(ParseColumns(columns));
  options.format.key = std::move(key);
  options.format.csv = std::move(csv);
  return Must(MakeDecoder(std::move(options)));
}

std::vector<Records> EncodedCsv(const Batch& batch, CsvOptions csv) {
  EncoderOptions options;
  options.format.name = "csv";
  options.format.csv = std::move(csv);
  options.topic = "{table}";
  std::vector<Records> out;
  std::vector<DeadLetter> rejects;
  Must(Must(MakeEncoder(std::move(options)))->Encode(batch, Into(&out), &rejects));
  EXPECT_TRUE(rejects.empty());
  return out;
}

const char kColumns[] =
    "id bigint not null, s string, d decimal(10,2), t timestamptz, b boolean, x binary, "
    "f double";

Batch CsvChanges() {
  Chunk chunk;
  chunk.schema = TableSchema::Make({"db", "", "t"}, Must(ParseColumns(kColumns)), {0, 1});
  const auto rows = [&](const std::vector<std::optional<std::string>>& ids,
                        const std::vector<std::optional<std::string>>& texts) {
    const size_t n = ids.size();
    const auto all = [&](const char* value) {
      return std::vector<std::optional<std::string>>(n, value);
    };
    const auto& columns = chunk.schema->columns;
    return arrow::RecordBatch::Make(
        chunk.schema->arrow, static_cast<int64_t>(n),
        {ColumnOf(columns[0].type, ids), ColumnOf(columns[1].type, texts),
         ColumnOf(columns[2].type, all("-150")),
         ColumnOf(columns[3].type, all("2024-01-02 03:04:05.5")),
         ColumnOf(columns[4].type, all("true")), ColumnOf(columns[5].type, all("a,b")),
         ColumnOf(columns[6].type, std::vector<std::optional<std::string>>(n))});
  };
  chunk.rows = rows({"1", "2", "3", "4"}, {"a,\"b\"\r\nc", "", "third", "é; x"});
  chunk.before = rows({"9"}, {"old, key"});
  chunk.ops = {Op::kInsert, Op::kRead, Op::kUpdate, Op::kDelete};
  chunk.seq = {0, 1, 2, 3};
  chunk.time = {1000, 2000, 3000, 4000};
  Batch batch;
  batch.chunks.push_back(std::move(chunk));
  return batch;
}

TEST(CsvTest, RowsAreLinesOfRfc4180) {
  const std::string rest = ",-1.50,2024-01-02T03:04:05.5Z,true,YSxi,";
  EXPECT_THAT(Shown(EncodedCsv(CsvChanges(), {})),
              ElementsAre("1,\"a,\"\"b\"\"\r\nc\"=1,\"a,\"\"b\"\"\r\nc\"" + rest,
                          "2,\"\"=2,\"\"" + rest, "9,\"old, key\"=-",
                          "3,third=3,third" + rest, "4,é; x=-"));
}

TEST(CsvTest, WhatIsWrittenIsReadBack) {
  CsvOptions other;
  other.delimiter = ';';
  other.quote = '\'';
  other.header = true;
  other.null = "NULL";
  for (const CsvOptions& csv : {CsvOptions(), other}) {
    const Batch batch = CsvChanges();
    Batch back;
    Must(CsvReader(kColumns, csv, {"id", "s"})->Decode(EncodedCsv(batch, csv)[0], &back));
    for (const DeadLetter& letter : back.rejects) ADD_FAILURE() << letter.reason;
    ASSERT_EQ(back.rows(), 5);
    const std::vector<std::string> was = Rows(batch);
    const std::vector<std::string> is = Rows(back);
    EXPECT_EQ(is[0], was[0]);
    EXPECT_EQ(is[1], was[1]);
    EXPECT_THAT(is[2], testing::StartsWith("9|old, key|null"));
    EXPECT_EQ(is[3], was[2]);
    EXPECT_EQ(back.chunks[0].ops[2], Op::kDelete);
    EXPECT_EQ(back.chunks[0].ops[4], Op::kDelete);
  }
}

TEST(CsvTest, NamesInAHeaderMakeColumnsOfText) {
  CsvOptions csv;
  csv.header = true;
  Batch batch;
  auto decoder = CsvReader("", csv);
  Must(decoder->Decode(MakeRecords("t", {{{}, "a,b\r\n1,x\r\n"}, {{}, "b,a\n,2"}}),
                       &batch));
  EXPECT_THAT(Rows(batch), ElementsAre("1|x", "2|null"));
  auto next = CsvReader("", csv);
  Must(next->Restore(decoder->State()));
  Batch more;
  Must(next->Decode(MakeRecords("t", {{{}, "c,a\n7,8"}}), &more));
  EXPECT_THAT(Rows(more), ElementsAre("8|null|7"));
}

TEST(CsvTest, Scar_29_APoisonRecordIsADeadLetterAndBlocksNothing) {
  Batch batch;
  Must(CsvReader("a int, b string")
           ->Decode(MakeRecords("t", {{{}, "1,x"},
                                      {{}, "2"},
                                      {{}, "3,\"x"},
                                      {{}, "4,\"x\"y"},
                                      {{}, "5,x\"y"},
                                      {{}, "six,y"},
                                      {{}, "7,a\n8,b"},
                                      {{}, "9,\xff"},
                                      {{}, ""},
                                      {{}, "10,\"\""}}),
                    &batch));
  EXPECT_THAT(Rows(batch), ElementsAre("1|x", "10|"));
  std::vector<std::string> reasons;
  for (const DeadLetter& letter : batch.rejects) reasons.push_back(letter.reason);
  EXPECT_THAT(reasons,
              ElementsAre(HasSubstr("1 fields, and 2 columns"), HasSubstr("not closed"),
                          HasSubstr("follows the closing quote of field 2"),
                          HasSubstr("field 2 has a quote inside"),
                          HasSubstr("\"six\" is not an int"), HasSubstr("more than one"),
                          HasSubstr("UTF-8"), HasSubstr("1 fields, and 2 columns")));
}

}  // namespace
}  // namespace leat
