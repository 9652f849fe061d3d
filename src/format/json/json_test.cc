#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "format/codec_testing.h"
#include "format/json/decimal_text.h"
#include "format/json/parse.h"
#include "format/json/text.h"

namespace leat::json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename Write, typename... Args>
std::string Text(Write write, Args... args) {
  std::string out(1024, '\0');
  out.resize(static_cast<size_t>(write(args..., out.data()) - out.data()));
  return out;
}

TEST(JsonTextTest, StringsAreEscapedAsJacksonDoes) {
  EXPECT_EQ(Quoted("plain text, longer than eight"), "\"plain text, longer than eight\"");
  EXPECT_EQ(Quoted("a\"b\\c/\n\t\b\f\r\x01\x1f\x7f"),
            "\"a\\\"b\\\\c/\\n\\t\\b\\f\\r\\u0001\\u001F\x7f\"");
  EXPECT_EQ(Quoted("é€"), "\"é€\"");
  EXPECT_EQ(Quoted("12345678😀x"), "\"12345678\\uD83D\\uDE00x\"");
}

TEST(JsonTextTest, NumbersAreThoseOfJava) {
  EXPECT_EQ(Text(WriteDouble, 1.0), "1.0");
  EXPECT_EQ(Text(WriteDouble, -0.0), "-0.0");
  EXPECT_EQ(Text(WriteDouble, 0.001), "0.001");
  EXPECT_EQ(Text(WriteDouble, 0.0001), "1.0E-4");
  EXPECT_EQ(Text(WriteDouble, 12345678.5), "1.23456785E7");
  EXPECT_EQ(Text(WriteDouble, 1e100), "1.0E100");
  EXPECT_EQ(Text(WriteDouble, std::numeric_limits<double>::max()),
            "1.7976931348623157E308");
  EXPECT_EQ(Text(WriteFloat, 3.14F), "3.14");
  EXPECT_EQ(Text(WriteDouble, std::nan("")), "\"NaN\"");
}

TEST(JsonTextTest, Dates) {
  EXPECT_EQ(Text(WriteDate, int64_t{0}), "1970-01-01");
  EXPECT_EQ(Text(WriteDate, int64_t{-719'528}), "0000-01-01");
  EXPECT_EQ(Text(WriteDate, int64_t{2'932'896}), "9999-12-31");
  EXPECT_EQ(Text(WriteTimestamp, int64_t{-1}, 6), "1969-12-31T23:59:59.999999");
  EXPECT_EQ(FractionDigits(1'500'000), 1);
  EXPECT_EQ(FractionDigits(2'000'000), 0);
}

TEST(DecimalTextTest, DigitsAndBytes) {
  const auto decimal = [](const char* text) {
    return arrow::Decimal128::FromString(text).ValueOrDie();
  };
  EXPECT_EQ(Text(WriteDecimalText, decimal("-1250"), 2), "-12.50");
  EXPECT_EQ(Text(WriteDecimalText, decimal("5"), 3), "0.005");
  EXPECT_EQ(Text(WriteDecimalText, decimal("0"), 0), "0");
  const std::string nines(38, '9');
  EXPECT_EQ(Text(WriteDecimalText, decimal(nines.c_str()), 0), nines);
  // Java: Base64.encode(new BigDecimal("123.45").unscaledValue().toByteArray())
  EXPECT_EQ(Text(WriteUnscaled, decimal("12345")), "MDk=");
  EXPECT_EQ(Text(WriteUnscaled, decimal("-1")), "/w==");
  EXPECT_EQ(Text(WriteUnscaled, decimal("128")), "AIA=");
  EXPECT_EQ(Text(WriteUnscaled, decimal("0")), "AA==");
  EXPECT_EQ(Text(WriteUnscaledDigits, std::string_view("-12345")),
            Text(WriteUnscaled, decimal("-12345")));
  EXPECT_EQ(Text(WriteUnscaledDigits, std::string_view("128.00")),
            Text(WriteUnscaled, decimal("12800")));
}

TEST(JsonParseTest, DecimalsAreRounded) {
  EXPECT_EQ(ParseDecimal("74.97000000000001", 10, 2)->ToString(2), "74.97");
  EXPECT_EQ(ParseDecimal("-0.005", 10, 2)->ToString(2), "-0.01");
  EXPECT_EQ(ParseDecimal("1.5e3", 10, 2)->ToString(2), "1500.00");
  EXPECT_EQ(ParseDecimal("123456789.00", 10, 2), std::nullopt);
  EXPECT_EQ(ParseDecimal("1e40", 38, 0), std::nullopt);
  EXPECT_EQ(ParseDecimal("1x", 10, 2), std::nullopt);
  EXPECT_EQ(ParseDecimal("", 10, 2), std::nullopt);
}

TEST(JsonParseTest, DatesAndTimes) {
  EXPECT_EQ(ParseDate("1970-01-02"), 1);
  EXPECT_EQ(ParseDate("2023-02-29"), std::nullopt);
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:01.5Z"), 1'500'000);
  EXPECT_EQ(ParseTimestamp("1970-01-01 01:00:00+01:00"), 0);
  EXPECT_EQ(ParseTimestamp("1970-01-01T25:00:00"), std::nullopt);
  EXPECT_EQ(ParseTime("-838:59:59"), -3'020'399'000'000);
  EXPECT_EQ(ParseBase64("/w=="), "\xff");
  EXPECT_EQ(ParseBase64("a"), std::nullopt);
}

DecoderOptions Options(std::string_view columns, std::vector<std::string> key = {}) {
  DecoderOptions options;
  options.format.columns = Must(ParseColumns(columns));
  options.format.key = std::move(key);
  return options;
}

TEST(JsonDecoderTest, DeclaredColumns) {
  auto decoder = Must(MakeDecoder(
      Options("id bigint not null, price decimal(10,2), at timestamptz, note string")));
  Batch batch;
  Must(decoder->Decode(
      MakeRecords("orders",
                  {{{}, R"({"id":1,"price":249.955,"at":"2024-01-02T03:04:05Z"})"},
                   {{}, R"({"note":"caf\u00e9","unknown":[1],"id":2})"}}),
      &batch));
  EXPECT_THAT(Rows(batch), ElementsAre("1|249.96|2024-01-02 03:04:05.000000Z|null",
                                       "2|null|null|café"));
  EXPECT_TRUE(batch.rejects.empty());
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events[0].seq, 0U);
  EXPECT_EQ(batch.chunks[0].seq, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(batch.chunks[0].time, (std::vector<int64_t>{1'000'000, 2'000'000}));
}

TEST(JsonDecoderTest, Scar_29_APoisonRecordIsADeadLetterAndBlocksNothing) {
  auto decoder = Must(MakeDecoder(Options("id int not null, n int")));
  Batch batch;
  Must(decoder->Decode(MakeRecords("t", {{{}, R"({"id":1})"},
                                         {{"k"}, R"({"id":)"},
                                         {{}, "\xff\xfe"},
                                         {{}, R"([1])"},
                                         {{}, R"({"id":2,"n":"x"})"},
                                         {{}, R"({"n":1})"},
                                         {{}, R"({"id":3} {"id":4})"},
                                         {{}, R"({"id":3000000000})"},
                                         {{"k"}, {}},
                                         {{}, R"({"id":9,"deep":{"a":tru}})"},
                                         {{}, R"({"id":5})"}}),
                       &batch));
  EXPECT_THAT(Rows(batch), ElementsAre("1|null", "5|null"));
  ASSERT_EQ(batch.rejects.size(), 9U);
  EXPECT_THAT(batch.rejects[0].reason, HasSubstr("t[0]@1: the value is not JSON"));
  EXPECT_EQ(batch.rejects[0].row,
            R"({"topic":"t","partition":0,"offset":1,"timestamp":2000,"key":"k",)"
            R"("value":"{\"id\":"})");
  EXPECT_THAT(batch.rejects[1].row, HasSubstr(R"("value_base64":"//4=")"));
  EXPECT_THAT(batch.rejects[2].reason, HasSubstr("not a JSON object"));
  EXPECT_THAT(batch.rejects[3].reason, HasSubstr("column `n`: \"x\" is not an int"));
  EXPECT_THAT(batch.rejects[4].reason, HasSubstr("column `id` is missing"));
  EXPECT_THAT(batch.rejects[6].reason, HasSubstr("3000000000 is not an int"));
  EXPECT_THAT(batch.rejects[7].reason, HasSubstr("tombstone"));
}

TEST(JsonDecoderTest, ANumberThatDoesNotFitIsADeadLetterAndNeverAnother) {
  auto decoder = Must(
      MakeDecoder(Options("f float, d double, n decimal(10,2), s string, at timestamp")));
  Batch batch;
  Must(decoder->Decode(MakeRecords("t", {{{}, R"({"f":1e300})"},
                                         {{}, R"({"d":1e400})"},
                                         {{}, R"({"n":1e400})"},
                                         {{}, R"({"at":-9223372036854775808})"},
                                         {{}, R"({"d":-1e-400,"s":1e400})"},
                                         {{}, R"({"f":1e-300,"n":1e-400})"}}),
                       &batch));
  EXPECT_THAT(Rows(batch),
              ElementsAre("null|-0|null|1e400|null", "0|null|0.00|null|null"));
  ASSERT_EQ(batch.rejects.size(), 4U);
  EXPECT_THAT(batch.rejects[0].reason,
              HasSubstr("`f`: 1e300 is not a number of 32 bits"));
  EXPECT_THAT(batch.rejects[1].reason,
              HasSubstr("`d`: 1e400 is not a number of 64 bits"));
  EXPECT_THAT(batch.rejects[3].reason, HasSubstr("is not a timestamp"));
}

TEST(JsonDecoderTest, ATimestampBeyondAllCalendarsIsNoFault) {
  auto decoder = Must(MakeDecoder(Options("id int")));
  RecordsBuilder builder("t");
  builder.Add({}, R"({"id":1})", INT64_MAX, "", 0, 0);
  builder.Add({}, "poison", INT64_MIN, "", 0, 1);
  Batch batch;
  Must(decoder->Decode(builder.Finish(), &batch));
  ASSERT_EQ(batch.rows(), 1);
  ASSERT_EQ(batch.rejects.size(), 1U);
  EXPECT_GT(batch.chunks[0].time[0], int64_t{1} << 60);
  EXPECT_LT(batch.rejects[0].time, -(int64_t{1} << 60));
}

TEST(JsonDecoderTest, InfersAndGrows) {
  auto decoder = Must(MakeDecoder(DecoderOptions()));
  Batch batch;
  Must(decoder->Decode(
      MakeRecords("t", {{{}, R"({"a":1,"b":true,"c":null,"d":{"x": [1]}})"},
                        {{}, R"({"a":2.5,"b":"no"})"}}),
      &batch));
  EXPECT_EQ(batch.chunks[0].schema->arrow->ToString(), "a: double\nb: string\nd: string");
  EXPECT_THAT(Rows(batch), ElementsAre("1|true|{\"x\": [1]}", "2.5|no|null"));
  Batch next;
  Must(decoder->Decode(MakeRecords("t", {{{}, R"({"a":3})"},
                                         {{}, R"({"c":18446744073709551615})"},
                                         {{}, R"({"a":"x"})"}}),
                       &next));
  EXPECT_EQ(next.chunks.size(), 1U);
  EXPECT_EQ(next.events.size(), 1U);
  EXPECT_THAT(Rows(next),
              ElementsAre("3|null|null|null", "null|null|null|18446744073709551615"));
  ASSERT_EQ(next.rejects.size(), 1U);
  EXPECT_THAT(next.rejects[0].reason,
              HasSubstr("column `a`: \"x\" is not a number of 64 bits"));
}

TEST(JsonDecoderTest, WhatWasInferredOutlivesTheProcess) {
  auto first = Must(MakeDecoder(DecoderOptions()));
  Batch batch;
  Must(first->Decode(MakeRecords("t", {{{}, R"({"a":1.5,"b":"x"})"}}), &batch));
  auto second = Must(MakeDecoder(DecoderOptions()));
  Must(second->Restore(first->State()));
  Batch after;
  Must(second->Decode(MakeRecords("t", {{{}, R"({"a":2,"z":1})"}}), &after));
  EXPECT_EQ(after.chunks[0].schema->arrow->ToString(), "a: double\nb: string\nz: int64");
  EXPECT_FALSE(second->Restore("[").ok());
}

TEST(JsonDecoderTest, TombstonesDeleteByKey) {
  auto decoder = Must(MakeDecoder(Options("id string, n int not null", {"id"})));
  Batch batch;
  Must(decoder->Decode(MakeRecords("t", {{{"a"}, R"({"id":"a","n":1})"},
                                         {{"a"}, {}},
                                         {{R"({"id":"b"})"}, {}},
                                         {{}, {}}}),
                       &batch));
  ASSERT_EQ(batch.chunks.size(), 1U);
  EXPECT_THAT(batch.chunks[0].ops, ElementsAre(Op::kInsert, Op::kDelete, Op::kDelete));
  EXPECT_THAT(Rows(batch), ElementsAre("a|1", "a|0", "b|0"));
  EXPECT_EQ(batch.rejects.size(), 1U);
}

Batch JsonChanges() {
  Chunk chunk;
  chunk.schema = TableSchema::Make(
      {"db", "", "t"},
      {{"id", arrow::int64(), false, ""},
       {"p", arrow::decimal128(10, 2), true, ""},
       {"d", arrow::date32(), true, ""},
       {"ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), true, ""},
       {"s", arrow::utf8(), true, ""},
       {"b", arrow::binary(), true, ""},
       {"x", arrow::boolean(), true, ""}},
      {0});
  const auto rows = [&](const std::vector<std::optional<std::string>>& ids) {
    arrow::ArrayVector columns = {ColumnOf(arrow::int64(), ids)};
    const std::vector<std::string> values = {"-1.50", "2024-02-29", "2024-01-02 03:04:05",
                                             "a\"b",  "xyz",        "true"};
    for (size_t c = 1; c < chunk.schema->columns.size(); c++) {
      std::vector<std::optional<std::string>> column(ids.size(), values[c - 1]);
      column.back() = std::nullopt;
      columns.push_back(ColumnOf(chunk.schema->columns[c].type, column));
    }
    return arrow::RecordBatch::Make(chunk.schema->arrow, static_cast<int64_t>(ids.size()),
                                    columns);
  };
  chunk.rows = rows({"1", "3", "3", "4"});
  chunk.before = rows({"2", "3"});
  chunk.ops = {Op::kInsert, Op::kUpdate, Op::kUpdate, Op::kDelete};
  chunk.seq = {0, 1, 2, 3};
  chunk.time = {5000, 6000, 7000, 8000};
  Batch batch;
  batch.chunks.push_back(std::move(chunk));
  return batch;
}

TEST(JsonEncoderTest, RowsTombstonesAndKeyChanges) {
  EncoderOptions options;
  options.topic = "out.{table}";
  auto encoder = Must(MakeEncoder(options));
  std::vector<Records> out;
  std::vector<DeadLetter> rejects;
  const Batch batch = JsonChanges();
  Must(encoder->Encode(batch, Into(&out), &rejects));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].topic, "out.t");
  const std::string rest =
      R"(,"p":-1.50,"d":"2024-02-29","ts":"2024-01-02T03:04:05Z","s":"a\"b","b":"eHl6","x":true})";
  EXPECT_THAT(Shown(out), ElementsAre(R"({"id":1}={"id":1)" + rest, R"({"id":2}=-)",
                                      R"({"id":3}={"id":3)" + rest,
                                      R"({"id":3}={"id":3)" + rest, R"({"id":4}=-)"));
  EXPECT_EQ(out[0].timestamps, (std::vector<int64_t>{5, 6, 6, 7, 8}));
  const auto keys = Must(encoder->Keys(batch.chunks[0], false));
  EXPECT_EQ(keys->GetView(1), R"({"id":3})");
  EXPECT_EQ(Must(encoder->Keys(batch.chunks[0], true))->GetView(0), R"({"id":2})");
}

TEST(JsonEncoderTest, ADeleteWithoutAKeyIsADeadLetter) {
  Batch batch = JsonChanges();
  const TableSchema& keyed = *batch.chunks[0].schema;
  batch.chunks[0].schema = TableSchema::Make(keyed.id, keyed.columns, {});
  EncoderOptions options;
  options.topic = "t";
  auto encoder = Must(MakeEncoder(options));
  std::vector<Records> out;
  std::vector<DeadLetter> rejects;
  Must(encoder->Encode(batch, Into(&out), &rejects));
  EXPECT_EQ(Shown(out).size(), 3U);
  ASSERT_EQ(rejects.size(), 1U);
  EXPECT_THAT(rejects[0].reason, HasSubstr("without a key"));
  EXPECT_THAT(rejects[0].row, HasSubstr("{\"id\":4"));
}

TEST(JsonEncoderTest, WhatIsWrittenIsReadBack) {
  EncoderOptions options;
  options.topic = "t";
  auto encoder = Must(MakeEncoder(options));
  std::vector<Records> out;
  std::vector<DeadLetter> rejects;
  const Batch batch = JsonChanges();
  Must(encoder->Encode(batch, Into(&out), &rejects));
  DecoderOptions reading;
  reading.format.columns = batch.chunks[0].schema->columns;
  reading.format.key = {"id"};
  auto decoder = Must(MakeDecoder(reading));
  Batch back;
  Must(decoder->Decode(out[0], &back));
  EXPECT_TRUE(back.rejects.empty());
  EXPECT_EQ(Rows(back)[0], Rows(batch)[0]);
  EXPECT_EQ(Rows(back)[3], Rows(batch)[2]);
}

}  // namespace
}  // namespace leat::json
