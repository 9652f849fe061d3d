#include "connectors/iceberg/upkeep/fold.h"

#include <gtest/gtest.h>

#include <random>

#include "connectors/iceberg/sink_testing.h"

namespace leat::iceberg {
namespace {

using testing::Change;
using testing::MakeBatch;
using testing::Row;
using testing::RowSchema;
using testing::SinkDriver;

struct Counts {
  int64_t data = 0;
  int64_t deletes = 0;
};

Counts CountLive(SinkDriver& driver) {
  Counts counts;
  Must(driver.Load()->ForEachFile([&](const ManifestEntry& entry) {
    (entry.file.content == DataFile::Content::kData ? counts.data : counts.deletes)++;
    return Status::Ok();
  }));
  return counts;
}

// Random changes of a few hundred keys, and what the table must then hold.
class Workload {
 public:
  std::vector<Change> Epoch(int changes) {
    std::vector<Change> made;
    for (int i = 0; i < changes; i++) {
      const auto id = static_cast<int64_t>(random_() % 300);
      Row row{id, "n" + std::to_string(counter_++), random_() % 2 ? "north" : "south", 1};
      const bool known = rows_.contains(id);
      if (known && random_() % 3 == 0) {
        made.push_back({Op::kDelete, rows_[id], {}});
        rows_.erase(id);
      } else {
        made.push_back({known ? Op::kUpdate : Op::kInsert, row, {}});
        rows_[id] = row;
      }
    }
    return made;
  }
  std::vector<Row> Rows() const {
    std::vector<Row> rows;
    for (const auto& [id, row] : rows_) rows.push_back(row);
    return rows;
  }

 private:
  std::mt19937 random_{7};
  int counter_ = 0;
  std::map<int64_t, Row> rows_;
};

SteadyTime InAMinute() { return Clock::System().Now() + std::chrono::minutes(1); }

TEST(FoldTest, Scar_25_SmallFilesAndDeletesStayFewAndRowsStayRight) {
  for (const std::string partition : {"", "region"}) {
    SinkOptions options;
    if (!partition.empty()) options.partition = {partition};
    SinkDriver driver("fold" + partition, options);
    const SchemaRef schema = RowSchema();
    driver.Open({schema});
    Workload workload;
    for (int epoch = 1; epoch <= 120; epoch++) {
      driver.Write(MakeBatch(schema, workload.Epoch(20)));
      driver.CommitEpoch();
      if (epoch % 20 == 0) {
        Must(driver.sink().Upkeep(InAMinute(), {}));
        ASSERT_EQ(driver.Read(), workload.Rows()) << "epoch " << epoch;
      }
      if (epoch == 70) {
        driver.Restart();
        driver.Open({schema});
      }
    }
    const Counts counts = CountLive(driver);
    EXPECT_LE(counts.data, 2 * 12);
    EXPECT_LE(counts.deletes, 2 * 12);
    EXPECT_GT(counts.data, 0);
  }
}

TEST(FoldTest, AFileWithManyDeletedRowsIsWrittenAnew) {
  SinkDriver driver("fold_deleted");
  const SchemaRef schema = RowSchema();
  driver.Open({schema});
  std::vector<Change> rows;
  for (int64_t id = 0; id < 100; id++)
    rows.push_back({Op::kInsert, {id, "a", "x", 1}, {}});
  driver.Write(MakeBatch(schema, rows));
  driver.CommitEpoch();
  for (int64_t id = 0; id < 40; id++) {
    driver.Write(MakeBatch(schema, {{Op::kDelete, {id, "a", "x", 1}, {}}}));
    driver.CommitEpoch();
  }
  Must(driver.sink().Upkeep(InAMinute(), {}));
  const Counts counts = CountLive(driver);
  EXPECT_EQ(counts.data, 1);
  EXPECT_LT(counts.deletes, 12);
  auto table = driver.Load();
  int64_t records = 0;
  Must(table->ForEachFile([&](const ManifestEntry& e) {
    if (e.file.content == DataFile::Content::kData) records += e.file.record_count;
    return Status::Ok();
  }));
  EXPECT_LT(records, 75);
  EXPECT_EQ(driver.Read().size(), 60u);
}

TEST(FoldTest, AFoldThatLostARaceLeavesNothingBehind) {
  SinkDriver driver("fold_lost");
  const SchemaRef schema = RowSchema();
  driver.Open({schema});
  Workload workload;
  for (int epoch = 0; epoch < 14; epoch++) {
    driver.Write(MakeBatch(schema, workload.Epoch(20)));
    driver.CommitEpoch();
  }
  auto stale = driver.Load();
  FoldPlanner planner((FoldOptions()));
  auto group = Must(planner.Plan(*stale));
  ASSERT_TRUE(group);
  driver.Write(MakeBatch(schema, workload.Epoch(20)));
  driver.CommitEpoch();
  const int64_t before = testing::CountFiles(driver.path(), ".parquet");
  EXPECT_FALSE(Must(Fold(driver.files(), *stale, *group, &planner)));
  EXPECT_EQ(testing::CountFiles(driver.path(), ".parquet"), before);
  EXPECT_EQ(driver.Read(), workload.Rows());
}

TEST(FoldTest, AddedColumnsAreNullInFoldedRows) {
  SinkDriver driver("fold_schema");
  const SchemaRef schema = RowSchema();
  driver.Open({schema});
  Workload workload;
  for (int epoch = 0; epoch < 14; epoch++) {
    driver.Write(MakeBatch(schema, workload.Epoch(20)));
    driver.CommitEpoch();
  }
  auto table = driver.Load();
  SchemaChange change;
  change.columns = schema->columns;
  change.columns.push_back({"more", arrow::int64(), true, "bigint"});
  change.key = {0};
  Must(table->EvolveSchema(change));
  Must(driver.sink().Upkeep(InAMinute(), {}));
  EXPECT_LT(CountLive(driver).data, 12);
  EXPECT_EQ(driver.Read(), workload.Rows());
}

}  // namespace
}  // namespace leat::iceberg
