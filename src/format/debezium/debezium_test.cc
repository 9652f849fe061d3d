// What Debezium 3.5 wrote of the same changes stands here as it came from Kafka; that all
// types and modes agree is tests/e2e/test_debezium.py.
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "format/codec_testing.h"

namespace leat {
namespace {

using testing::ElementsAre;

// Of MySQL: an update, one that changes the key, a delete.
Batch DebeziumChanges() {
  Chunk chunk;
  chunk.schema =
      TableSchema::Make({"shop", "", "o"},
                        {{"id", arrow::int32(), false, "int"},
                         {"a", arrow::utf8(), true, "varchar(10)"},
                         {"b", arrow::decimal128(10, 2), false, "decimal(10,2)"},
                         {"bb", arrow::binary(), true, "bit(3)"}},
                        {0});
  const auto rows = [&](const std::vector<std::optional<std::string>>& ids,
                        const std::string& a) {
    const std::vector<std::optional<std::string>> as(ids.size(), a);
    const std::vector<std::optional<std::string>> bs(ids.size(), "150");
    const std::vector<std::optional<std::string>> bits(ids.size(), "\x05");
    return arrow::RecordBatch::Make(
        chunk.schema->arrow, static_cast<int64_t>(ids.size()),
        {ColumnOf(arrow::int32(), ids), ColumnOf(arrow::utf8(), as),
         ColumnOf(arrow::decimal128(10, 2), bs), ColumnOf(arrow::binary(), bits)});
  };
  chunk.rows = rows({"1", "20", "3"}, "yy");
  chunk.before = rows({"1", "2"}, "x");
  chunk.ops = {Op::kUpdate, Op::kUpdate, Op::kDelete};
  chunk.seq = {0, 1, 2};
  chunk.time = {1795275300096087, 1795275300103332, 1795275300107100};
  const auto meta = arrow::schema(
      {arrow::field("_gtid", arrow::utf8()), arrow::field("_file", arrow::utf8()),
       arrow::field("_pos", arrow::int64()), arrow::field("_row", arrow::int32()),
       arrow::field("_server_id", arrow::int64()),
       arrow::field("_thread", arrow::int64())},
      arrow::key_value_metadata({{"connector", "mysql"}}));
  chunk.meta = arrow::RecordBatch::Make(
      meta, 3,
      {ColumnOf(arrow::utf8(), {"u:44", "u:45", "u:46"}),
       ColumnOf(arrow::utf8(), {"binlog.000001", "binlog.000001", "binlog.000001"}),
       ColumnOf(arrow::int64(), {"933736", "934138", "934530"}),
       ColumnOf(arrow::int32(), {"0", "0", "0"}),
       ColumnOf(arrow::int64(), {"1", "1", "1"}),
       ColumnOf(arrow::int64(), {"44", "44", "44"})});
  Batch batch;
  batch.boundary = true;
  batch.chunks.push_back(std::move(chunk));
  return batch;
}

class DebeziumTest : public testing::Test {
 protected:
  std::vector<Records> Encode(const DebeziumOptions& debezium, const Batch& batch) {
    EncoderOptions options;
    options.format.name = "debezium";
    options.format.debezium = debezium;
    options.topic = "p.{database}.{table}";
    options.clock = &clock_;
    std::vector<Records> out;
    std::vector<DeadLetter> rejects;
    Must(Must(MakeEncoder(std::move(options)))->Encode(batch, Into(&out), &rejects));
    return out;
  }
  // The value of an update as captured, with this clock's time.
  static std::string Update(const std::string& transaction) {
    return R"({"before":{"id":1,"a":"x","b":"AJY=","bb":"BQ=="},"after":{"id":1,)"
           R"("a":"yy","b":"AJY=","bb":"BQ=="},"source":{"version":"3.5.0.Final",)"
           R"("connector":"mysql","name":"p","ts_ms":1795275300096,"snapshot":"false",)"
           R"("db":"shop","sequence":null,"ts_us":1795275300096087,)"
           R"("ts_ns":1795275300096087000,"table":"o","server_id":1,"gtid":"u:44",)"
           R"("file":"binlog.000001","pos":933736,"row":0,"thread":44,"query":null},)"
           R"("transaction":)" +
           transaction +
           R"(,"op":"u","ts_ms":1700000000000,"ts_us":1700000000000000,)"
           R"("ts_ns":1700000000000000000})";
  }
  FakeClock clock_;
};

TEST_F(DebeziumTest, AnUpdateIsWrittenByteForByte) {
  const auto out = Encode({}, DebeziumChanges());
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].topic, "p.shop.o");
  EXPECT_EQ(out[0].keys->GetView(0), R"({"id":1})");
  EXPECT_EQ(out[0].values->GetView(0), Update("null"));
}

TEST_F(DebeziumTest, AChangedKeyIsADeleteATombstoneAndACreate) {
  const auto out = Encode({}, DebeziumChanges());
  const Records& records = out[0];
  ASSERT_EQ(records.size(), 6);
  std::vector<std::string> seen;
  for (int64_t i = 0; i < records.size(); i++) {
    const std::string value(records.values->IsNull(i) ? "" : records.values->GetView(i));
    const size_t op = value.find("\"op\":\"");
    const auto headers = Must(HeadersOf(records, i));
    std::string line = records.keys->GetString(i) + " " +
                       (op == value.npos ? "-" : value.substr(op + 6, 1));
    if (headers.size() == 5) {
      line += " " + std::string(headers[0].name) + "=" + std::string(*headers[0].value);
    }
    seen.push_back(line);
  }
  EXPECT_THAT(seen,
              ElementsAre("{\"id\":1} u", "{\"id\":2} d __debezium.newkey={\"id\":20}",
                          "{\"id\":2} - __debezium.newkey={\"id\":20}",
                          "{\"id\":20} c __debezium.oldkey={\"id\":2}", "{\"id\":3} d",
                          "{\"id\":3} -"));
}

TEST_F(DebeziumTest, Scar_28_TombstonesCanBeLeftOut) {
  DebeziumOptions options;
  options.tombstones = false;
  EXPECT_EQ(Encode(options, DebeziumChanges())[0].values->null_count(), 0);
  EXPECT_EQ(Encode({}, DebeziumChanges())[0].values->null_count(), 2);
}

TEST_F(DebeziumTest, TransactionsAreMarkedAndCounted) {
  DebeziumOptions options;
  options.transactions = true;
  const auto out = Encode(options, DebeziumChanges());
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].values->GetView(0),
            Update(R"({"id":"u:44","total_order":1,"data_collection_order":1})"));
  const auto marks = Shown({out[1]});
  EXPECT_EQ(out[1].topic, "p.transaction");
  ASSERT_EQ(marks.size(), 6U);
  EXPECT_EQ(marks[3], R"({"id":"u:45"}={"status":"END","id":"u:45","event_count":2,)"
                      R"("data_collections":[{"data_collection":"shop.o",)"
                      R"("event_count":2}],"ts_ms":1795275300103})");
}

TEST_F(DebeziumTest, AnEmptyBatchIsAHeartbeat) {
  DebeziumOptions options;
  options.heartbeat = std::chrono::seconds(10);
  const auto out = Encode(options, Batch());
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].topic, "__debezium-heartbeat.p");
  EXPECT_THAT(Shown(out), ElementsAre(R"({"serverName":"p"}={"ts_ms":1700000000000})"));
  EXPECT_EQ(Encode(options, DebeziumChanges()).size(), 1U) << "rows alone are none";
}

// A statement, and the shape that rows have behind it.
TEST_F(DebeziumTest, StatementsAndShapesGoToTheTopicOfThePrefix) {
  const Chunk rows = DebeziumChanges().chunks[0];
  Event statement;
  statement.kind = Event::Kind::kStatement;
  statement.change = Event::Change::kAlter;
  statement.table = rows.schema->id;
  statement.statement = "ALTER TABLE o ADD bb INT";
  statement.meta = rows.meta->Slice(0, 1);
  statement.time = rows.time[0];
  Event shape = statement;
  shape.kind = Event::Kind::kSchema;
  shape.statement.clear();
  shape.schema = rows.schema;
  shape.seq = 1;
  Event announced = shape;
  announced.change = Event::Change::kNone;
  Batch batch;
  batch.events = {statement, shape, announced};
  EXPECT_TRUE(Encode({}, batch).empty()) << "nobody asked";
  DebeziumOptions options;
  options.schema_changes = true;
  const auto out = Encode(options, batch);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].topic, "p");
  const std::string start =
      R"({"databaseName":"shop"}={"source":{"version":"3.5.0.Final",)"
      R"("connector":"mysql","name":"p","ts_ms":1795275300096,"snapshot":"false",)"
      R"("db":"shop","sequence":null,"ts_us":1795275300096000,)"
      R"("ts_ns":1795275300096000000,"table":"o","server_id":1,"gtid":"u:44",)"
      R"("file":"binlog.000001","pos":933736,"row":0,"thread":44,"query":null},)"
      R"("ts_ms":1700000000000,"databaseName":"shop","schemaName":null,"ddl":)";
  EXPECT_THAT(
      Shown(out),
      ElementsAre(start + R"("ALTER TABLE o ADD bb INT","tableChanges":[]})",
                  testing::StartsWith(start + R"(null,"tableChanges":[{"type":"ALTER",)"
                                              R"("id":"\"shop\".\"o\"","table":{)")));
}

TEST_F(DebeziumTest, SchemasAreThoseOfTheConverter) {
  DebeziumOptions options;
  options.schemas = true;
  const auto out = Encode(options, DebeziumChanges());
  EXPECT_EQ(out[0].keys->GetView(0),
            R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":false,)"
            R"("field":"id"}],"optional":false,"name":"p.shop.o.Key"},)"
            R"("payload":{"id":1}})");
  EXPECT_THAT(
      out[0].values->GetString(0),
      testing::HasSubstr(
          R"({"type":"bytes","optional":false,)"
          R"("name":"org.apache.kafka.connect.data.Decimal","version":1,)"
          R"("parameters":{"scale":"2","connect.decimal.precision":"10"},"field":"b"},)"
          R"({"type":"bytes","optional":true,"name":"io.debezium.data.Bits","version":1,)"
          R"("parameters":{"length":"3"},"field":"bb"}])"));
}

}  // namespace
}  // namespace leat
