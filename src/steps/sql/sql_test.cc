#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/testing.h"
#include "core/config_reader.h"
#include "core/registry.h"
#include "steps/sql/register.h"
#include "steps/sql/step.h"

namespace leat::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SchemaRef Orders() {
  return TableSchema::Make({"shop", "", "orders"},
                           {{"id", arrow::int64(), false, "bigint"},
                            {"amount", arrow::decimal128(10, 2), true, "decimal(10,2)"},
                            {"note", arrow::utf8(), true, "varchar(20)"}},
                           {0});
}

struct Order {
  int64_t id;
  std::optional<int64_t> cents;
  std::optional<std::string> note;
};

std::shared_ptr<arrow::RecordBatch> Rows(const std::vector<Order>& orders) {
  arrow::Int64Builder ids;
  arrow::Decimal128Builder amounts(arrow::decimal128(10, 2));
  arrow::StringBuilder notes;
  for (const Order& order : orders) {
    EXPECT_TRUE(ids.Append(order.id).ok());
    EXPECT_TRUE((order.cents ? amounts.Append(arrow::Decimal128(*order.cents))
                             : amounts.AppendNull())
                    .ok());
    EXPECT_TRUE((order.note ? notes.Append(*order.note) : notes.AppendNull()).ok());
  }
  return arrow::RecordBatch::Make(Orders()->arrow, static_cast<int64_t>(orders.size()),
                                  {*ids.Finish(), *amounts.Finish(), *notes.Finish()});
}

Batch BatchOf(const std::vector<Order>& orders, std::vector<Op> ops,
              const std::vector<Order>& before = {}) {
  Batch batch;
  Chunk chunk;
  chunk.schema = Orders();
  chunk.rows = Rows(orders);
  for (uint32_t i = 0; i < orders.size(); i++) {
    chunk.seq.push_back(i);
    chunk.time.push_back(1'700'000'000'000'000 + i);
  }
  chunk.ops = std::move(ops);
  if (!before.empty()) chunk.before = Rows(before);
  batch.chunks.push_back(std::move(chunk));
  return batch;
}

class Collector final : public StepContext {
 public:
  void Emit(Batch batch) override { out.push_back(std::move(batch)); }
  void Reject(DeadLetter letter) override { rejects.push_back(std::move(letter)); }
  Result<std::optional<std::string>> Get(std::string_view) override { return None(); }
  Status Put(std::string_view, std::string_view) override { return None(); }
  Status Delete(std::string_view) override { return None(); }
  Status Scan(std::string_view, const Visit&) override { return None(); }

  std::vector<Batch> out;
  std::vector<DeadLetter> rejects;

 private:
  static Status None() { return Status::Bug("the step sql has no state"); }
};

// id:text of column 1, and the operation's letter, of every row.
std::vector<std::string> Text(const Batch& batch) {
  std::vector<std::string> lines;
  for (const Chunk& chunk : batch.chunks) {
    for (int64_t i = 0; i < chunk.size(); i++) {
      std::string line =
          fmt::format("{}", "iudr"[static_cast<int>(chunk.ops[static_cast<size_t>(i)])]);
      for (const auto& column : chunk.rows->columns()) {
        line += " " + (*column->GetScalar(i))->ToString();
      }
      lines.push_back(line);
    }
  }
  return lines;
}

class SqlTest : public ::testing::Test {
 protected:
  void Make(const std::string& query) { step_ = Must(SqlStep::Make({query, {}})); }
  Batch Apply(Batch batch) {
    Must(step_->Apply(std::move(batch), context_));
    return std::move(context_.out.back());
  }

  std::unique_ptr<Step> step_;
  Collector context_;
};

TEST_F(SqlTest, AddsAColumnAndKeepsTheRest) {
  Make("SELECT *, amount * 2 AS twice FROM input");
  Batch out =
      Apply(BatchOf({{1, 150, "a"}, {2, std::nullopt, "b"}}, {Op::kInsert, Op::kRead}));
  EXPECT_THAT(Text(out), ElementsAre("i 1 1.50 a 3.00", "r 2 null b null"));
  const TableSchema& schema = *out.chunks[0].schema;
  EXPECT_EQ(schema.columns[1].source_type, "decimal(10,2)");
  EXPECT_THAT(schema.key, ElementsAre(0));
  EXPECT_FALSE(schema.columns[0].nullable);
  EXPECT_EQ(out.chunks[0].time[1], 1'700'000'000'000'001);
  EXPECT_EQ(step_->needs().before, Needs::Before::kNone);
}

TEST_F(SqlTest, AFilterKeepsTheOperationsOfWhatPasses) {
  Make("SELECT id, note FROM input WHERE amount > 1");
  EXPECT_EQ(step_->needs().before, Needs::Before::kFull);
  Batch out = Apply(BatchOf(
      {{1, 500, "in"},
       {2, 500, "comes in"},
       {3, 50, "goes"},
       {4, 50, "out"},
       {5, 900, "x"}},
      {Op::kUpdate, Op::kUpdate, Op::kUpdate, Op::kUpdate, Op::kDelete},
      {{1, 300, "was in"}, {2, 10, "was out"}, {3, 300, "was in"}, {4, 10, "was out"}}));
  EXPECT_THAT(Text(out), ElementsAre("u 1 in", "i 2 comes in", "d 3 was in", "d 5 x"));
  EXPECT_THAT(out.chunks[0].seq, ElementsAre(0, 1, 2, 4));
  ASSERT_EQ(out.chunks[0].before->num_rows(), 1);
  EXPECT_EQ((*out.chunks[0].before->column(1)->GetScalar(0))->ToString(), "was in");
}

TEST_F(SqlTest, EveryTypeOfAResultGoesOnAsOneOfOurs) {
  Make(
      "SELECT id, id::TINYINT a, id::USMALLINT b, id::UINTEGER c, id::UBIGINT d, "
      "id::HUGEINT e, TIME '10:11:12.5' f, TIMESTAMP_NS '2024-01-02 03:04:05.678901234' "
      "g, "
      "TIMESTAMPTZ '2024-01-02 03:04:05+02' h, DATE '2024-01-02' i, 'ab'::BLOB j, "
      "uuid() IS NULL k, '1a0e6b9c-5b5e-4b8e-9a35-4c2b8c1f0000'::UUID l, "
      "{'n': id}::JSON::VARCHAR m, 1.5::FLOAT n, NULL o, 'x'::ENUM('x', 'y') p FROM "
      "input");
  const Batch out = Apply(BatchOf({{1, 150, "a"}}, {Op::kInsert}));
  std::vector<std::string> types;
  for (const Column& column : out.chunks[0].schema->columns) {
    types.push_back(column.type->ToString());
  }
  EXPECT_THAT(types, ElementsAre("int64", "int32", "int32", "int64", "decimal128(20, 0)",
                                 "decimal128(38, 0)", "int64", "timestamp[us]",
                                 "timestamp[us, tz=UTC]", "date32[day]", "binary", "bool",
                                 "string", "string", "float", "int32", "string"));
  EXPECT_THAT(Text(out),
              ElementsAre("i 1 1 1 1 1 1 36672500000 2024-01-02 03:04:05.678901 "
                          "2024-01-02 01:04:05.000000Z 2024-01-02 ab false "
                          "1a0e6b9c-5b5e-4b8e-9a35-4c2b8c1f0000 {\"n\":1} 1.5 null x"));
  Make("SELECT id, [1, 2] AS list FROM input");
  const Status refused = step_->Shape(Orders()).status();
  EXPECT_EQ(refused.kind(), ErrorKind::kConfig);
  EXPECT_THAT(refused.message(), HasSubstr("\"list\""));
}

TEST_F(SqlTest, WithoutItsKeyATableHasNone) {
  Make("SELECT note FROM input");
  Batch out = Apply(BatchOf({{1, 5, "a"}}, {Op::kInsert}));
  EXPECT_THAT(out.chunks[0].schema->key, IsEmpty());
}

TEST_F(SqlTest, CombinedRowsAreInserts) {
  Make("SELECT note, sum(amount) AS total FROM input GROUP BY note ORDER BY note");
  Batch out = Apply(BatchOf({{1, 100, "b"}, {2, 50, "a"}, {3, 25, "b"}},
                            {Op::kInsert, Op::kInsert, Op::kInsert}));
  EXPECT_THAT(Text(out), ElementsAre("i a 0.50", "i b 1.25"));
  Status refused = step_->Apply(BatchOf({{1, 100, "b"}}, {Op::kDelete}), context_);
  EXPECT_EQ(refused.kind(), ErrorKind::kConfig);
  EXPECT_THAT(refused.message(), HasSubstr("shop.orders"));
}

TEST_F(SqlTest, OneRowMayBecomeSeveralWhereItIsInserted) {
  Make("SELECT id, unnest([amount, amount * 2]) AS part FROM input");
  EXPECT_THAT(
      Text(Apply(BatchOf({{1, 100, "b"}, {2, 50, "a"}}, {Op::kInsert, Op::kInsert}))),
      ElementsAre("i 1 1.00", "i 1 2.00", "i 2 0.50", "i 2 1.00"));
  EXPECT_EQ(step_->Apply(BatchOf({{1, 100, "b"}}, {Op::kDelete}), context_).kind(),
            ErrorKind::kConfig);
}

TEST_F(SqlTest, OnlyTheRowsAtFaultAreRejected) {
  Make("SELECT id, note::INTEGER AS number FROM input");
  std::vector<Order> orders;
  for (int64_t i = 0; i < 3000; i++) orders.push_back({i, 1, std::to_string(i)});
  orders[17].note = "seventeen";
  orders[2999].note = "many";
  Batch out = Apply(BatchOf(orders, std::vector<Op>(3000, Op::kInsert)));
  EXPECT_EQ(out.rows(), 2998);
  ASSERT_EQ(context_.rejects.size(), 2U);
  EXPECT_THAT(context_.rejects[0].reason, HasSubstr("seventeen"));
  EXPECT_THAT(context_.rejects[0].row, HasSubstr("\"id\":17"));
  EXPECT_EQ(context_.rejects[1].table, "shop.orders");
}

TEST_F(SqlTest, ASchemaEventTellsTheResultsShape) {
  Make("SELECT id, upper(note) AS loud FROM input");
  Batch batch;
  Event event;
  event.table = Orders()->id;
  event.schema = Orders();
  event.renamed_from = {"number", "amount", ""};
  batch.events.push_back(event);
  Batch out = Apply(std::move(batch));
  ASSERT_EQ(out.events[0].schema->columns.size(), 2U);
  EXPECT_EQ(out.events[0].schema->columns[1].name, "loud");
  EXPECT_THAT(out.events[0].renamed_from, ElementsAre("number", "loud"));
}

TEST_F(SqlTest, OtherTablesPassUnchanged) {
  step_ = Must(SqlStep::Make({"SELECT id FROM input", {"shop.cust*"}}));
  EXPECT_EQ(Must(step_->Shape(Orders()))->columns.size(), 3U);
  EXPECT_THAT(Text(Apply(BatchOf({{1, 100, "b"}}, {Op::kDelete}))),
              ElementsAre("d 1 1.00 b"));
}

TEST_F(SqlTest, NothingOutsideTheBatchIsInReach) {
  for (const char* query :
       {"SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd.csv'"}) {
    step_ = Must(SqlStep::Make({query, {}}));
    EXPECT_EQ(step_->Shape(Orders()).status().kind(), ErrorKind::kConfig) << query;
  }
}

TEST(SqlConfigTest, SaysWhereTheQueryIsWrong) {
  Registry registry;
  RegisterSql(&registry);
  const StepType* type = registry.FindStep("sql");
  for (const auto& [query, wrong] : {std::pair{"SELEC 1", "SELEC"},
                                     {"SELECT 1; SELECT 2", "one SELECT"},
                                     {"DROP TABLE input", "SELECT"}}) {
    Config config = Must(ParseConfig(type->spec, fmt::format("query: {}", query)));
    Diagnostics found;
    type->validate(config, &found);
    ASSERT_EQ(found.size(), 1U) << query;
    EXPECT_THAT(found[0].message, HasSubstr(wrong));
    EXPECT_EQ(found[0].place.column, 8);
  }
}

}  // namespace
}  // namespace leat::sql
