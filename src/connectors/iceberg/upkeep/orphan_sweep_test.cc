#include "connectors/iceberg/upkeep/orphan_sweep.h"

#include <gtest/gtest.h>

#include "connectors/iceberg/table_testing.h"

namespace leat::iceberg {
namespace {

using std::chrono::hours;
using testing::CountFiles;
using testing::TestTable;
using testing::WriteRows;

constexpr int64_t kDay = 86'400'000'000;

int64_t Tomorrow() { return Clock::System().WallMicros() + kDay; }

TEST(OrphanSweepTest, Scar_25_RemovesOnlyWhatNothingNames) {
  TestTable t("sweep");
  auto change = t.Change(1, 0);
  change.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  Must(t.table->Commit(change));
  DataFile orphan = WriteRows(*t.files, *t.table, {{2, "b"}});
  DataFile staged = WriteRows(*t.files, *t.table, {{3, "c"}});
  Must(t.files->Write(t.table->location() + "/metadata/gone-m.avro", "x"));
  Must(t.files->Write(t.table->location() + "/data/notes.txt", "mine"));

  SweepResult young =
      Must(SweepOrphans(*t.table, *t.files, Clock::System().WallMicros(), hours(1), {}));
  EXPECT_EQ(young.removed, 0);
  SweepResult swept =
      Must(SweepOrphans(*t.table, *t.files, Tomorrow(), hours(1), {staged.path}));
  EXPECT_EQ(swept.removed, 2);
  EXPECT_FALSE(Must(t.files->Exists(orphan.path)));
  EXPECT_TRUE(Must(t.files->Exists(staged.path)));
  EXPECT_TRUE(Must(t.files->Exists(change.added_data[0].path)));
  EXPECT_EQ(CountFiles(t.folder.path(), ".txt"), 1);
  // Nothing that the table needs is gone.
  auto other = Must(Table::Load(*t.catalog, *t.files, t.clock, {"db", "t"}));
  Must(other->ForEachFile([](const ManifestEntry&) { return Status::Ok(); }));
}

TEST(OrphanSweepTest, FilesOfOlderSnapshotsStay) {
  TestTable t("sweep_history");
  auto change = t.Change(1, 0);
  change.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  Must(t.table->Commit(change));
  auto truncate = t.Change(2, 1);
  truncate.truncate = true;
  Must(t.table->Commit(truncate));
  EXPECT_EQ(Must(SweepOrphans(*t.table, *t.files, Tomorrow(), hours(1), {})).removed, 0);
  EXPECT_TRUE(Must(t.files->Exists(change.added_data[0].path)));
}

TEST(OrphanSweepTest, AFolderSharedWithAnotherTableIsLeftAlone) {
  TestTable t("sweep_shared");
  NewTable shape;
  shape.schema = t.table->schema();
  shape.location = t.table->location();
  auto other = Must(Table::Create(*t.catalog, *t.files, t.clock, {"db", "other"}, shape));
  DataFile theirs = WriteRows(*t.files, *other, {{1, "a"}});
  SweepResult swept = Must(SweepOrphans(*t.table, *t.files, Tomorrow(), hours(1), {}));
  EXPECT_EQ(swept.removed, 0);
  EXPECT_NE(swept.skipped, "");
  EXPECT_TRUE(Must(t.files->Exists(theirs.path)));
}

}  // namespace
}  // namespace leat::iceberg
