// That messages of Debezium itself come back as the source's rows is
// tests/e2e/test_debezium.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "format/codec_testing.h"

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const auto kDatetime = arrow::timestamp(arrow::TimeUnit::MICRO);
const auto kInstant = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");

// Every type of docs/types.md.
std::vector<Column> EveryType() {
  return {{"id", arrow::int64(), false, "bigint"},
          {"ti", arrow::int32(), true, "tinyint"},
          {"su", arrow::int32(), true, "smallint unsigned"},
          {"iu", arrow::int64(), true, "int unsigned"},
          {"bu", arrow::decimal128(20, 0), true, "bigint unsigned"},
          {"f", arrow::float32(), true, "float"},
          {"d", arrow::float64(), true, "double"},
          {"p", arrow::decimal128(38, 10), true, "decimal(38,10)"},
          {"pw", arrow::utf8(), true, "decimal(65,30)"},
          {"b1", arrow::boolean(), true, "bit(1)"},
          {"b17", arrow::binary(), true, "bit(17)"},
          {"y", arrow::int32(), true, "year"},
          {"da", arrow::date32(), true, "date"},
          {"dt6", kDatetime, true, "datetime(6)"},
          {"ts", kInstant, true, "timestamp(6)"},
          {"t", arrow::int64(), true, "time(6)"},
          {"vc", arrow::utf8(), true, "varchar(20)"},
          {"vb", arrow::binary(), true, "varbinary(20)"},
          {"e", arrow::utf8(), true, "enum('a','b')"},
          {"s", arrow::utf8(), true, "set('a','b')"},
          {"j", arrow::utf8(), true, "json"},
          {"pt", arrow::binary(), true, "point"},
          {"g", arrow::binary(), true, "geometry"},
          {"v", arrow::binary(), true, "vector"}};
}

class Values {
 public:
  explicit Values(unsigned seed) : random_(seed) {}

  int64_t In(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  std::string Bytes(size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(In(0, 255));
    return out;
  }
  std::string Digits(int64_t most) {
    std::string out = In(0, 1) ? "-" : "";
    out += static_cast<char>('1' + In(0, 8));
    for (int64_t n = In(0, most - 1); n > 0; n--)
      out += static_cast<char>('0' + In(0, 9));
    return out;
  }

  // nullopt for null.
  std::shared_ptr<arrow::Scalar> Of(const Column& column) {
    const auto& type = column.type;
    if (column.nullable && In(0, 5) == 0) return arrow::MakeNullScalar(type);
    const std::string& source = column.source_type;
    const auto make = [&](auto value) { return *arrow::MakeScalar(type, value); };
    const auto text = [&](std::string value) {
      return std::static_pointer_cast<arrow::Scalar>(
          type->id() == arrow::Type::STRING
              ? std::make_shared<arrow::StringScalar>(std::move(value))
              : std::make_shared<arrow::BinaryScalar>(
                    arrow::Buffer::FromString(std::move(value))));
    };
    if (source == "tinyint") return make(static_cast<int32_t>(In(-128, 127)));
    if (source == "bigint unsigned") {
      return std::make_shared<arrow::Decimal128Scalar>(
          arrow::Decimal128(0, static_cast<uint64_t>(In(INT64_MIN, INT64_MAX))), type);
    }
    if (type->id() == arrow::Type::DECIMAL128) {
      return std::make_shared<arrow::Decimal128Scalar>(
          arrow::Decimal128::FromString(Digits(38)).ValueOrDie(), type);
    }
    if (source == "decimal(65,30)") {
      std::string digits = Digits(35);
      return text(digits + "." + std::string(29, '0') + "7");
    }
    if (source == "float") return make(static_cast<float>(In(-1000000, 1000000)) / 7);
    if (source == "double") return make(static_cast<double>(In(-1000000, 1000000)) / 7);
    if (source == "bit(1)") return make(In(0, 1) == 1);
    if (source == "bit(17)") return text("\x01" + Bytes(2));
    if (source == "date") return make(static_cast<int32_t>(In(-354285, 2932896)));
    if (source == "time(6)") return make(In(0, 86'399'999'999));
    if (type->id() == arrow::Type::TIMESTAMP) {
      return make(In(-9'000'000'000'000'000, 9'000'000'000'000'000));
    }
    if (source == "json") return text(R"({"a":[1,"x y\"",null]})");
    if (source == "point" || source == "geometry") {
      return text(std::string("\1\1\0\0\0", 5) + std::string("\0\0\0\0\0\0\xf0\x3f", 8) +
                  std::string("\0\0\0\0\0\0\0\x40", 8));
    }
    if (source == "vector") return text(std::string("\0\0\x80\x3f\0\0\x20\xc0", 8));
    if (type->id() == arrow::Type::BINARY)
      return text(Bytes(static_cast<size_t>(In(0, 9))));
    if (type->id() == arrow::Type::STRING) return text(In(0, 1) ? "ü€😀\n\"" : "");
    if (type->id() == arrow::Type::INT32) return make(static_cast<int32_t>(In(0, 65535)));
    return make(In(INT64_MIN, INT64_MAX));
  }

 private:
  std::mt19937 random_;
};

std::shared_ptr<arrow::RecordBatch> RandomRows(const SchemaRef& schema, int64_t rows,
                                               unsigned seed) {
  Values values(seed);
  arrow::ArrayVector columns;
  for (const Column& column : schema->columns) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    if (!arrow::MakeBuilder(arrow::default_memory_pool(), column.type, &builder).ok()) {
      std::abort();
    }
    for (int64_t i = 0; i < rows; i++) {
      if (!builder->AppendScalar(*values.Of(column)).ok()) std::abort();
    }
    columns.push_back(*builder->Finish());
  }
  return arrow::RecordBatch::Make(schema->arrow, rows, columns);
}

// Inserts, snapshot rows, updates that keep the key, deletes.
Batch RandomChanges(std::vector<Column> columns, unsigned seed) {
  constexpr int64_t kRows = 40;
  Chunk chunk;
  chunk.schema = TableSchema::Make({"shop", "", "o"}, std::move(columns), {0});
  chunk.rows = RandomRows(chunk.schema, kRows, seed);
  arrow::ArrayVector before = RandomRows(chunk.schema, kRows / 4, seed + 1)->columns();
  std::vector<std::shared_ptr<arrow::Scalar>> ids;
  for (int64_t i = 0; i < kRows; i++) {
    chunk.ops.push_back(static_cast<Op>(i % 4));
    chunk.seq.push_back(static_cast<uint32_t>(i));
    chunk.time.push_back(1'700'000'000'000'000 + i);
    if (i % 4 == 1) ids.push_back(*chunk.rows->column(0)->GetScalar(i));
  }
  auto builder = *arrow::MakeBuilder(arrow::int64());
  if (!builder->AppendScalars(ids).ok()) std::abort();
  before[0] = *builder->Finish();
  chunk.before = arrow::RecordBatch::Make(chunk.schema->arrow, kRows / 4, before);
  Batch batch;
  batch.chunks.push_back(std::move(chunk));
  return batch;
}

std::vector<Records> EncodedChanges(const Batch& batch, const DebeziumOptions& debezium) {
  EncoderOptions options;
  options.format.name = "debezium";
  options.format.debezium = debezium;
  options.topic = "p.{database}.{table}";
  std::vector<Records> out;
  std::vector<DeadLetter> rejects;
  Must(Must(MakeEncoder(std::move(options)))->Encode(batch, Into(&out), &rejects));
  EXPECT_TRUE(rejects.empty());
  return out;
}

std::unique_ptr<Decoder> MakeReader(FormatOptions format = {}) {
  format.name = "debezium";
  DecoderOptions options;
  options.format = std::move(format);
  return Must(MakeDecoder(std::move(options)));
}

void ExpectSame(const Batch& batch, const Batch& back) {
  for (const DeadLetter& letter : back.rejects) ADD_FAILURE() << letter.reason;
  ASSERT_EQ(back.chunks.size(), 1U);
  const Chunk& was = batch.chunks[0];
  const Chunk& is = back.chunks[0];
  EXPECT_EQ(is.schema->id, was.schema->id);
  EXPECT_EQ(is.schema->key, was.schema->key);
  EXPECT_EQ(is.schema->arrow->ToString(), was.schema->arrow->ToString());
  EXPECT_EQ(is.ops, was.ops);
  std::vector<int64_t> times = was.time;
  for (size_t i = 0; i < times.size(); i++) {
    // A snapshot's rows have the second in which it began.
    if (was.ops[i] == Op::kRead) times[i] -= times[i] % 1'000'000;
  }
  EXPECT_EQ(is.time, times);
  for (int i = 0; i < was.rows->num_columns(); i++) {
    EXPECT_TRUE(is.rows->column(i)->Equals(*was.rows->column(i)))
        << was.schema->columns[static_cast<size_t>(i)].name << "\n"
        << is.rows->column(i)->ToString() << was.rows->column(i)->ToString();
    EXPECT_TRUE(is.before->column(i)->Equals(*was.before->column(i)))
        << was.schema->columns[static_cast<size_t>(i)].name;
  }
}

TEST(DebeziumDecoderTest, EveryTypeComesBack) {
  std::vector<DebeziumOptions> modes(4);
  modes[1].time = DebeziumOptions::Time::kMicros;
  modes[2].time = DebeziumOptions::Time::kIsoString;
  modes[2].binary = DebeziumOptions::Binary::kBytes;
  modes[3].tombstones = false;
  for (unsigned seed = 0; seed < 20; seed++) {
    DebeziumOptions mode = modes[seed % modes.size()];
    mode.schemas = true;
    mode.precise_unsigned = true;
    const Batch batch = RandomChanges(EveryType(), seed);
    Batch back;
    auto decoder = MakeReader();
    for (const Records& records : EncodedChanges(batch, mode)) {
      Must(decoder->Decode(records, &back));
    }
    SCOPED_TRACE(seed);
    ExpectSame(batch, back);
  }
}

TEST(DebeziumDecoderTest, DeclaredColumnsComeBackWithoutSchemas) {
  using Options = DebeziumOptions;
  const auto columns = Must(ParseColumns(
      "id bigint not null, p decimal(38,10), dt6 timestamp(6), da date, t time, "
      "vb binary, ts timestamptz, vc string"));
  std::vector<Options> modes(3);
  modes[1].time = Options::Time::kIsoString;
  modes[1].binary = Options::Binary::kHex;
  modes[1].decimal = Options::Decimal::kString;
  modes[2].time = Options::Time::kMicros;
  modes[2].binary = Options::Binary::kBase64Url;
  for (unsigned seed = 0; seed < 9; seed++) {
    std::vector<Column> source;
    for (const Column& column : columns) {
      for (const Column& known : EveryType()) {
        if (known.name == column.name) source.push_back(known);
      }
    }
    const Batch batch = RandomChanges(source, seed);
    FormatOptions format;
    format.columns = columns;
    format.debezium = modes[seed % modes.size()];
    Batch back;
    Must(MakeReader(format)->Decode(EncodedChanges(batch, format.debezium)[0], &back));
    SCOPED_TRACE(seed);
    ExpectSame(batch, back);
  }
}

// A message as Debezium 3.5 wrote it.
std::string Golden(const std::string& op, const std::string& before,
                   const std::string& after, const std::string& table = "o") {
  return R"({"before":)" + before + R"(,"after":)" + after +
         R"(,"source":{"version":"3.5.0.Final","connector":"mysql","name":"p",)"
         R"("ts_ms":1795275300096,"snapshot":"false","db":"shop","sequence":null,)"
         R"("ts_us":1795275300096087,"ts_ns":1795275300096087000,"table":")" +
         table +
         R"(","server_id":1,"gtid":"u:44","file":"binlog.000001","pos":933736,"row":0,)"
         R"("thread":44,"query":null},"transaction":null,"op":")" +
         op +
         R"(","ts_ms":1795275300104,"ts_us":1795275300104216,)"
         R"("ts_ns":1795275300104216000})";
}

TEST(DebeziumDecoderTest, WithoutASchemaColumnsAreInferredAndGrow) {
  auto decoder = MakeReader();
  Batch batch;
  Must(decoder->Decode(
      MakeRecords(
          "p.shop.o",
          {{{R"({"id":1})"},
            Golden("u", R"({"id":1,"a":"x","b":null})", R"({"id":1,"a":"yy","b":null})")},
           {{R"({"id":1})"}, Golden("d", R"({"id":1,"a":"yy","b":2})", "null")},
           {{R"({"id":1})"}, {}}}),
      &batch));
  EXPECT_TRUE(batch.rejects.empty());
  ASSERT_EQ(batch.chunks.size(), 1U);
  const Chunk& chunk = batch.chunks[0];
  EXPECT_EQ(chunk.schema->id, (TableId{"shop", "", "o"}));
  EXPECT_THAT(chunk.schema->key, ElementsAre(0));
  EXPECT_THAT(Rows(batch), ElementsAre("1|yy|null", "1|yy|2"));
  EXPECT_THAT(chunk.ops, ElementsAre(Op::kUpdate, Op::kDelete));
  EXPECT_EQ(chunk.before->column(1)->GetScalar(0).ValueOrDie()->ToString(), "x");
  EXPECT_EQ(chunk.time[0], 1795275300096087);
  // What was learnt outlives the process; a new field is a new column.
  auto next = MakeReader();
  Must(next->Restore(decoder->State()));
  Batch more;
  Must(next->Decode(
      MakeRecords("p.shop.o", {{{R"({"id":2})"},
                                Golden("c", "null", R"({"id":2,"z":1.5,"a":"q"})")}}),
      &more));
  EXPECT_THAT(Rows(more), ElementsAre("2|q|null|1.5"));
  ASSERT_EQ(more.events.size(), 1U);
  EXPECT_THAT(more.events[0].schema->key, ElementsAre(0));
}

TEST(DebeziumDecoderTest, Scar_29_WhatIsNoChangeIsADeadLetterAndBlocksNothing) {
  FormatOptions format;
  format.columns = Must(ParseColumns("id int not null, a string"));
  Batch batch;
  Must(MakeReader(format)->Decode(
      MakeRecords("t", {{{R"({"id":1})"}, Golden("c", "null", R"({"id":1,"a":"x"})")},
                        {{}, R"({"id":1)"},
                        {{}, "\xff"},
                        {{}, R"({"id":1,"a":"flat"})"},
                        {{}, Golden("m", "null", "null")},
                        {{}, Golden("c", "null", "null")},
                        {{R"({"id":1})"}, Golden("d", R"({"a":"x"})", "null")},
                        {{}, Golden("c", "null", R"({"id":"one"})")},
                        {{}, Golden("c", "null", R"({"a":"x"})")},
                        {{}, R"({"op":"c","after":{"id":2},"source":7})"},
                        {{"raw key"}, Golden("r", "null", R"({"id":3,"a":"y"})")}}),
      &batch));
  EXPECT_THAT(Rows(batch), testing::UnorderedElementsAre("1|x", "2|null", "3|y"));
  std::vector<std::string> reasons;
  for (const DeadLetter& letter : batch.rejects) reasons.push_back(letter.reason);
  EXPECT_THAT(
      reasons,
      ElementsAre(HasSubstr("t[0]@1: the value is not JSON"), HasSubstr("UTF-8"),
                  HasSubstr("no `op`"), HasSubstr("the op `m` is none of"),
                  HasSubstr("no `after`"), HasSubstr("no value of the key `id`"),
                  HasSubstr("\"one\" is not an int"), HasSubstr("`id` is missing")));
  EXPECT_THAT(batch.rejects[0].row, HasSubstr(R"("value":"{\"id\":1")"));
}

TEST(DebeziumDecoderTest, Scar_28_TombstonesAndNoticesArePassedOver) {
  Batch batch;
  Must(MakeReader()->Decode(
      MakeRecords("t", {{{R"({"id":1})"}, {}},
                        {{}, R"({"ts_ms":1795275300104})"},
                        {{},
                         R"({"status":"BEGIN","id":"x","event_count":null,)"
                         R"("data_collections":null,"ts_ms":1})"},
                        {{},
                         R"({"source":{},"ts_ms":1,"databaseName":"shop","ddl":"",)"
                         R"("tableChanges":[]})"}}),
      &batch));
  EXPECT_TRUE(batch.empty());
}

TEST(DebeziumDecoderTest, AChangedKeyIsTwoRowsAndATruncationAnEvent) {
  Batch batch = RandomChanges(EveryType(), 1);
  Chunk& chunk = batch.chunks[0];
  chunk.before = RandomRows(chunk.schema, chunk.before->num_rows(), 7);  // other ids
  Event event;
  event.kind = Event::Kind::kTruncate;
  event.table = chunk.schema->id;
  event.seq = 40;
  batch.events.push_back(event);
  DebeziumOptions options;
  options.schemas = true;
  options.truncates = true;
  Batch back;
  Must(MakeReader()->Decode(EncodedChanges(batch, options)[0], &back));
  EXPECT_TRUE(back.rejects.empty());
  EXPECT_EQ(back.rows(), 50);
  const auto& ops = back.chunks[0].ops;
  EXPECT_EQ(std::ranges::count(ops, Op::kUpdate), 0);
  EXPECT_EQ(std::ranges::count(ops, Op::kDelete), 20);
  ASSERT_EQ(back.events.size(), 2U);
  EXPECT_EQ(back.events[1].kind, Event::Kind::kTruncate);
  EXPECT_GT(back.events[1].seq, back.chunks[0].seq.back());
}

TEST(DebeziumDecoderTest, ATruncationAfterARestartKnowsTheKey) {
  Batch batch = RandomChanges(EveryType(), 1);
  DebeziumOptions options;
  options.schemas = true;
  options.truncates = true;
  auto decoder = MakeReader();
  Batch first;
  Must(decoder->Decode(EncodedChanges(batch, options)[0], &first));
  Event event;
  event.kind = Event::Kind::kTruncate;
  event.table = batch.chunks[0].schema->id;
  event.schema = batch.chunks[0].schema;
  Batch truncation;
  truncation.events.push_back(event);
  const Records records = EncodedChanges(truncation, options)[0];
  auto next = MakeReader();
  Must(next->Restore(decoder->State()));
  Batch back;
  Must(next->Decode(records, &back));
  ASSERT_EQ(back.events.size(), 2U);
  EXPECT_THAT(back.events[0].schema->key, ElementsAre(0));
  // Whose key nobody knows would be announced without one.
  Batch unknown;
  Must(MakeReader()->Decode(records, &unknown));
  EXPECT_EQ(unknown.rejects.size(), 1U);
  EXPECT_TRUE(unknown.events.empty());
}

// In a message, {"schema":...}: fields id and those given.
Pair WithSchema(const std::string& fields, const std::string& key,
                const std::string& after) {
  const std::string id = R"({"type":"int32","optional":false,"field":"id"})";
  return {R"({"schema":{"type":"struct","fields":[]},"payload":)" + key + "}",
          R"({"schema":{"type":"struct","fields":[{"type":"struct","fields":[)" + id +
              fields + R"(],"optional":true,"field":"after"}]},"payload":)" +
              Golden("c", "null", after) + "}"};
}

TEST(DebeziumDecoderTest, AChangedSchemaIsAnEventAndStragglersFollowIt) {
  const std::string a = R"(,{"type":"string","optional":true,"field":"a"})";
  const std::string b = R"(,{"type":"int64","optional":true,"field":"a"})";
  const std::string key = R"({"id":1})";
  Batch batch;
  Must(MakeReader()->Decode(
      MakeRecords("t", {WithSchema("", key, R"({"id":1})"),
                        WithSchema(a, key, R"({"id":2,"a":"x"})"),
                        WithSchema("", key, R"({"id":3})"),  // of another partition
                        WithSchema(b, key, R"({"id":4,"a":5})"),
                        WithSchema(a, key, R"({"id":5,"a":"y"})"),
                        WithSchema(a, R"({"id":1,"a":"z"})", R"({"id":6,"a":"z"})")}),
      &batch));
  EXPECT_TRUE(batch.rejects.empty());
  EXPECT_THAT(Rows(batch), ElementsAre("1", "2|x", "3|null", "4|5", "5|y", "6|z"));
  std::vector<uint32_t> events;
  for (const Event& event : batch.events) events.push_back(event.seq);
  // Rows and events are counted together: the first shape, a, b, a again, another key.
  EXPECT_THAT(events, ElementsAre(0, 2, 5, 7, 9));
  EXPECT_THAT(batch.events.back().schema->key, ElementsAre(0, 1));
  EXPECT_FALSE(batch.events.back().schema->columns[1].nullable);
}

TEST(DebeziumDecoderTest, ValuesOfOtherConnectors) {
  const std::string fields =
      R"(,{"type":"struct","name":"io.debezium.data.VariableScaleDecimal",)"
      R"("optional":true,"field":"n"},{"type":"array","items":{"type":"string"},)"
      R"("optional":true,"field":"l"},{"type":"bytes","optional":true,"name":)"
      R"("org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},)"
      R"("field":"d"},{"type":"string","optional":true,"field":"big"})";
  Batch batch;
  Must(MakeReader()->Decode(
      MakeRecords("t",
                  {WithSchema(fields, R"({"id":1})",
                              R"({"id":1,"n":{"scale":3,"value":"AJY="},"l":["a", "b"],)"
                              R"("d":"AJY=","big":null})"),
                   WithSchema(fields, R"({"id":1})",
                              R"({"id":2,"big":"__debezium_unavailable_value"})"),
                   WithSchema(fields, R"({"id":1})", R"({"id":3,"d":"%"})")}),
      &batch));
  EXPECT_THAT(Rows(batch), ElementsAre(R"(1|0.150|["a", "b"]|1.50|null)"));
  ASSERT_EQ(batch.rejects.size(), 2U);
  EXPECT_THAT(batch.rejects[0].reason, HasSubstr("REPLICA IDENTITY FULL"));
  EXPECT_THAT(batch.rejects[1].reason, HasSubstr("`d`"));
}

}  // namespace
}  // namespace leat
