#include "connectors/mysql/sink/changes.h"

#include <arrow/api.h>
#include <gmock/gmock.h>

#include "base/testing.h"
#include "connectors/mysql/sink/write_order.h"

namespace leat::mysql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Mode = SinkOptions::Mode;

std::shared_ptr<arrow::RecordBatch> Ids(const SchemaRef& schema,
                                        const std::vector<int64_t>& ids) {
  arrow::Int64Builder builder;
  if (!builder.AppendValues(ids).ok()) std::abort();
  return arrow::RecordBatch::Make(schema->arrow, static_cast<int64_t>(ids.size()),
                                  {*builder.Finish()});
}

struct ChangeRow {
  Op op;
  int64_t id;
  int64_t old = -1;  // of an update: its key before
};

class ChangesTest : public testing::Test {
 protected:
  Chunk Make(const std::vector<ChangeRow>& rows, uint32_t first_seq = 0) {
    Chunk chunk;
    std::vector<int64_t> ids;
    std::vector<int64_t> before;
    for (const ChangeRow& row : rows) {
      ids.push_back(row.id);
      chunk.ops.push_back(row.op);
      chunk.seq.push_back(first_seq++);
      if (row.op == Op::kUpdate) before.push_back(row.old < 0 ? row.id : row.old);
    }
    chunk.schema = schema_;
    chunk.rows = Ids(schema_, ids);
    if (!before.empty()) chunk.before = Ids(schema_, before);
    return chunk;
  }

  // Ids deleted and written, of each lane.
  std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> Run(
      const std::vector<ChangeRow>& rows, Mode mode, int lanes = 1,
      bool replace = false) {
    auto plan = std::make_shared<TablePlan>();
    plan->shape.source = schema_;
    plan->shape.key = {0};
    plan->replace = replace;
    TableChanges changes(plan, mode, lanes);
    const Chunk chunk = Make(rows);
    changes.Add({&chunk, 0, rows.size(), 0});
    std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> out;
    for (const TableChanges::Lane& lane : changes.Finish()) {
      auto& [deleted, written] = out.emplace_back();
      for (const TableChanges::Step& step : lane) {
        for (const RowRef& row : step.rows) {
          const auto& column = static_cast<const arrow::Int64Array&>(
              *changes.batches()[row.batch]->column(0));
          (step.change == Change::kDelete ? deleted : written)
              .push_back(column.Value(row.row));
        }
      }
    }
    return out;
  }

  const SchemaRef schema_ =
      TableSchema::Make({"shop", "", "t"}, {{"id", arrow::int64(), false, ""}}, {0});
};

TEST_F(ChangesTest, Scar_21_TheLastRowOfAKeyWins) {
  const auto lanes = Run({{Op::kInsert, 1},
                          {Op::kUpdate, 1},
                          {Op::kInsert, 2},
                          {Op::kDelete, 1},
                          {Op::kDelete, 2},
                          {Op::kInsert, 1}},
                         Mode::kApply);
  EXPECT_THAT(lanes[0].first, ElementsAre(2));
  EXPECT_THAT(lanes[0].second, ElementsAre(1));
}

TEST_F(ChangesTest, AChangedKeyDeletesTheOldOne) {
  const auto moved =
      Run({{Op::kUpdate, 5, 1}, {Op::kInsert, 1}, {Op::kUpdate, 6, 5}}, Mode::kApply);
  EXPECT_THAT(moved[0].first, ElementsAre(5));
  EXPECT_THAT(moved[0].second, ElementsAre(1, 6));
  const auto upserted = Run({{Op::kUpdate, 5, 1}, {Op::kDelete, 7}}, Mode::kUpsert);
  EXPECT_THAT(upserted[0].first, IsEmpty());
  EXPECT_THAT(upserted[0].second, ElementsAre(5));
}

TEST_F(ChangesTest, RowsThatCollideAreAllRemovedFirst) {
  const auto lanes =
      Run({{Op::kUpdate, 1}, {Op::kDelete, 2}, {Op::kUpdate, 3}}, Mode::kApply, 1, true);
  EXPECT_THAT(lanes[0].first, ElementsAre(1, 2, 3));
  EXPECT_THAT(lanes[0].second, ElementsAre(1, 3));
}

TEST_F(ChangesTest, InsertKeepsEveryRowInPieces) {
  std::vector<ChangeRow> rows;
  for (int64_t i = 0; i < 5; i++) rows.push_back({Op::kInsert, i % 2});
  rows.push_back({Op::kDelete, 0});
  const auto lanes = Run(rows, Mode::kInsert, 2);
  EXPECT_EQ(lanes[0].second.size() + lanes[1].second.size(), 5u);
  EXPECT_THAT(Run({}, Mode::kInsert, 2)[0].second, IsEmpty());
}

TEST_F(ChangesTest, AKeyKeepsItsLane) {
  std::vector<ChangeRow> rows;
  for (int64_t i = 0; i < 100; i++) rows.push_back({Op::kInsert, i});
  const auto first = Run(rows, Mode::kUpsert, 4);
  std::reverse(rows.begin(), rows.end());
  const auto second = Run(rows, Mode::kUpsert, 4);
  for (size_t lane = 0; lane < 4; lane++) {
    EXPECT_GT(first[lane].second.size(), 0u);
    EXPECT_THAT(second[lane].second,
                testing::UnorderedElementsAreArray(first[lane].second));
  }
}

TEST_F(ChangesTest, RunsFollowTheOrderAcrossTables) {
  const Chunk parents = Make({{Op::kInsert, 1}, {Op::kInsert, 2}}, 0);
  Chunk children = Make({{Op::kInsert, 7}, {Op::kUpdate, 7}, {Op::kDelete, 7}}, 2);
  Chunk last = Make({{Op::kDelete, 1}}, 5);
  std::vector<std::tuple<const Chunk*, size_t, size_t, size_t>> runs;
  for (const ChunkRows& run :
       InOrder({{&last, 0, 1, 0}, {&children, 0, 3, 0}, {&parents, 0, 2, 0}})) {
    runs.emplace_back(run.chunk, run.from, run.to, run.before);
  }
  EXPECT_THAT(runs,
              ElementsAre(std::tuple(&parents, 0, 2, 0), std::tuple(&children, 0, 1, 0),
                          std::tuple(&children, 1, 2, 0), std::tuple(&children, 2, 3, 1),
                          std::tuple(&last, 0, 1, 0)));
}

TEST_F(ChangesTest, EventsPartABatch) {
  Batch batch;
  batch.chunks.push_back(Make({{Op::kUpdate, 1}, {Op::kUpdate, 2}, {Op::kInsert, 3}}, 0));
  WriteOrder order(batch);
  const auto first = order.Take(1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].to, 1u);
  const auto rest = order.Take(UINT64_MAX);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].from, 1u);
  EXPECT_EQ(rest[0].to, 3u);
  EXPECT_EQ(rest[0].before, 1u);
  EXPECT_THAT(order.Take(UINT64_MAX), IsEmpty());
}

}  // namespace
}  // namespace leat::mysql
