#include "connectors/iceberg/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/failpoint.h"
#include "connectors/iceberg/table_testing.h"
#include "connectors/iceberg/token_set.h"

namespace leat::iceberg {
namespace {

using testing::CountFiles;
using testing::TestTable;
using testing::TestToken;
using testing::TokenIn;
using testing::WriteDeletes;
using testing::WriteRows;
using Outcome = TableCommit::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::set<std::string> LiveFiles(Table& table) {
  std::set<std::string> paths;
  Must(table.ForEachFile([&](const ManifestEntry& entry) {
    paths.insert(entry.file.path);
    return Status::Ok();
  }));
  return paths;
}

// The table as another process sees it.
std::unique_ptr<Table> Other(TestTable& t) {
  return Must(Table::Load(*t.catalog, *t.files, t.clock, {"db", "t"}));
}

class FailpointGuard {
 public:
  ~FailpointGuard() { failpoint::ClearHook(); }
};

TEST(TableTest, FirstEpochIsAnEmptySnapshotWithTheToken) {
  TestTable t("table_epoch0");
  EXPECT_EQ(t.table->snapshot_id(), -1);
  EXPECT_FALSE(TokenIn(*t.table));
  EXPECT_EQ(Must(t.table->Commit(t.Change(1, 0))).outcome, Outcome::kCommitted);
  auto other = Other(t);
  EXPECT_EQ(TokenIn(*other), TestToken(1));
  EXPECT_FALSE(TokenIn(*other, "s2"));
  const auto kept =
      Must(TokenSet::FromJson("p", other->metadata().Property("leat.token.p", "")));
  EXPECT_EQ(kept.Find("s1")->token, TestToken(1));
  EXPECT_EQ(kept.Find("s1")->snapshot, other->snapshot_id());
  EXPECT_NE(other->snapshot_id(), -1);
}

TEST(TableTest, CommitsDataAndDeletesWithCounters) {
  TestTable t("table_counters");
  auto first = t.Change(1, 0);
  first.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}, {2, "b"}, {3, "c"}})};
  Must(t.table->Commit(first));
  auto second = t.Change(2, 1);
  second.required = {first.added_data[0].path};
  second.added_data = {WriteRows(*t.files, *t.table, {{2, "B"}})};
  second.added_deletes = {
      WriteDeletes(*t.files, *t.table, first.added_data[0].path, {1})};
  Must(t.table->Commit(second));

  auto other = Other(t);
  const Snapshot& now = *other->metadata().current_snapshot();
  EXPECT_EQ(now.summary.at("operation"), "overwrite");
  EXPECT_EQ(now.Number("total-data-files"), 2);
  EXPECT_EQ(now.Number("total-delete-files"), 1);
  EXPECT_EQ(now.Number("total-records"), 4);
  EXPECT_EQ(now.Number("total-position-deletes"), 1);
  EXPECT_EQ(now.Number("added-records"), 1);
  EXPECT_EQ(now.sequence_number, 2);
  std::map<std::string, int64_t> sequences;
  Must(other->ForEachFile([&](const ManifestEntry& e) {
    sequences[e.file.path] = *e.sequence_number;
    return Status::Ok();
  }));
  EXPECT_EQ(sequences.at(first.added_data[0].path), 1);
  EXPECT_EQ(sequences.at(second.added_deletes[0].path), 2);
}

TEST(TableTest, CommitOfTheSameEpochAgainIsHarmless) {
  TestTable t("table_again");
  auto change = t.Change(1, 0);
  change.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  Must(t.table->Commit(change));
  EXPECT_EQ(Must(t.table->Commit(change)).outcome, Outcome::kAlreadyThere);
  EXPECT_EQ(Must(Other(t)->Commit(change)).outcome, Outcome::kAlreadyThere);
  EXPECT_EQ(LiveFiles(*t.table).size(), 1u);
}

TEST(TableTest, Scar_23_ZombieIsFencedAfterItsSuccessor) {
  TestTable t("table_zombie");
  Must(t.table->Commit(t.Change(1, 0)));
  auto zombie = Other(t);
  auto late = t.Change(2, 1);
  late.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  auto successor = t.Change(2, 1);
  successor.tokens = {TestToken(2, "a2")};
  Must(t.table->Commit(successor));
  auto refused = zombie->Commit(late);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().kind(), ErrorKind::kFenced);
  EXPECT_THAT(refused.status().message(), HasSubstr("epoch 2 of attempt a2"));
  EXPECT_EQ(TokenIn(*Other(t)), TestToken(2, "a2"));
}

TEST(TableTest, AnotherShardsCommitIsRebasedOn) {
  TestTable t("table_rebase");
  Must(t.table->Commit(t.Change(1, 0)));
  auto other = Other(t);
  TableChange theirs;
  theirs.tokens = {TestToken(1, "b1", "s2")};
  theirs.shards = {"s2"};
  theirs.added_data = {WriteRows(*t.files, *other, {{10, "x"}})};
  Must(other->Commit(theirs));
  auto mine = t.Change(2, 1);
  mine.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  EXPECT_EQ(Must(t.table->Commit(mine)).outcome, Outcome::kCommitted);
  EXPECT_EQ(LiveFiles(*Other(t)).size(), 2u);
  EXPECT_EQ(TokenIn(*Other(t), "s2"), TestToken(1, "b1", "s2"));
  EXPECT_EQ(TokenIn(*Other(t)), TestToken(2));
}

TEST(TableTest, Scar_20_LostReplyIsNotAFailure) {
  TestTable t("table_lost_reply");
  Must(t.table->Commit(t.Change(1, 0)));
  FailpointGuard guard;
  failpoint::SetHook([](std::string_view at) {
    return at == "iceberg.catalog.after_commit" ? Status::Transient("reply lost")
                                                : Status::Ok();
  });
  auto change = t.Change(2, 1);
  change.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  auto lost = t.table->Commit(change);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.status().kind(), ErrorKind::kUnknownOutcome);
  failpoint::ClearHook();
  EXPECT_EQ(Must(t.table->Commit(change)).outcome, Outcome::kAlreadyThere);
  auto other = Other(t);
  EXPECT_EQ(LiveFiles(*other), std::set<std::string>{change.added_data[0].path});
  EXPECT_TRUE(Must(t.files->Exists(change.added_data[0].path)));
}

TEST(TableTest, Scar_20_LostRequestIsSentAgain) {
  TestTable t("table_lost_request");
  FailpointGuard guard;
  failpoint::SetHook([](std::string_view at) {
    return at == "iceberg.catalog.before_commit" ? Status::UnknownOutcome("gone")
                                                 : Status::Ok();
  });
  auto change = t.Change(1, 0);
  change.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  ASSERT_FALSE(t.table->Commit(change).ok());
  failpoint::ClearHook();
  EXPECT_EQ(Must(t.table->Commit(change)).outcome, Outcome::kCommitted);
  EXPECT_EQ(LiveFiles(*Other(t)).size(), 1u);
}

TEST(TableTest, ADefiniteFailureLeavesNoManifests) {
  TestTable t("table_definite");
  FailpointGuard guard;
  failpoint::SetHook([](std::string_view at) {
    return at == "iceberg.catalog.before_commit" ? Status::Transient("down")
                                                 : Status::Ok();
  });
  auto change = t.Change(1, 0);
  change.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  ASSERT_FALSE(t.table->Commit(change).ok());
  EXPECT_EQ(CountFiles(t.folder.path(), ".avro"), 0);
  EXPECT_TRUE(Must(t.files->Exists(change.added_data[0].path)));
}

TEST(TableTest, AFileRewrittenUnderAPositionDeleteIsReported) {
  TestTable t("table_rewritten");
  auto first = t.Change(1, 0);
  first.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}, {2, "b"}}),
                      WriteRows(*t.files, *t.table, {{3, "c"}})};
  Must(t.table->Commit(first));
  auto change = t.Change(2, 1);
  change.required = {first.added_data[0].path};
  change.added_deletes = {
      WriteDeletes(*t.files, *t.table, first.added_data[0].path, {0})};

  auto other = Other(t);
  TableChange fold;
  fold.replace = true;
  fold.base_snapshot = other->snapshot_id();
  fold.base_sequence = other->sequence_number();
  fold.removed = {first.added_data[0].path};
  fold.added_data = {WriteRows(*t.files, *other, {{1, "a"}, {2, "b"}})};
  Must(other->Commit(fold));

  auto refused = Must(t.table->Commit(change));
  EXPECT_EQ(refused.outcome, Outcome::kRewritten);
  EXPECT_THAT(refused.missing, ElementsAre(first.added_data[0].path));
  ASSERT_EQ(refused.appeared.size(), 1u);
  EXPECT_EQ(refused.appeared[0].path, fold.added_data[0].path);
  EXPECT_EQ(TokenIn(*Other(t)), TestToken(1));

  // Made anew on what is there now.
  auto again = t.Change(2, 1);
  again.required = {fold.added_data[0].path};
  again.added_deletes = {WriteDeletes(*t.files, *t.table, fold.added_data[0].path, {0})};
  EXPECT_EQ(Must(t.table->Commit(again)).outcome, Outcome::kCommitted);
}

TEST(TableTest, AFoldGivesWayToDeletesThatCameMeanwhile) {
  TestTable t("table_fold_race");
  auto first = t.Change(1, 0);
  first.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}, {2, "b"}})};
  Must(t.table->Commit(first));
  auto other = Other(t);
  TableChange fold;
  fold.replace = true;
  fold.base_snapshot = other->snapshot_id();
  fold.base_sequence = other->sequence_number();
  fold.removed = {first.added_data[0].path};
  fold.added_data = {WriteRows(*t.files, *other, {{1, "a"}, {2, "b"}})};

  auto change = t.Change(2, 1);
  change.added_deletes = {
      WriteDeletes(*t.files, *t.table, first.added_data[0].path, {0})};
  Must(t.table->Commit(change));
  EXPECT_EQ(Must(other->Commit(fold)).outcome, Outcome::kRewritten);
  EXPECT_TRUE(LiveFiles(*Other(t)).contains(first.added_data[0].path));
}

TEST(TableTest, TruncateRemovesAllAndThenAdds) {
  TestTable t("table_truncate");
  auto first = t.Change(1, 0);
  first.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}, {2, "b"}})};
  Must(t.table->Commit(first));
  auto change = t.Change(2, 1);
  change.truncate = true;
  change.added_data = {WriteRows(*t.files, *t.table, {{7, "new"}})};
  Must(t.table->Commit(change));
  auto other = Other(t);
  EXPECT_EQ(LiveFiles(*other), std::set<std::string>{change.added_data[0].path});
  EXPECT_EQ(other->metadata().current_snapshot()->Number("deleted-records"), 2);
  EXPECT_EQ(other->metadata().current_snapshot()->Number("total-records"), 1);
}

TEST(TableTest, Scar_25_AThousandCommitsStayBounded) {
  TestTable t("table_bounded");
  constexpr int kCommits = 1000;
  int64_t most_manifests = 0;
  for (int epoch = 1; epoch <= kCommits; epoch++) {
    auto change =
        t.Change(static_cast<uint64_t>(epoch), static_cast<uint64_t>(epoch - 1));
    DataFile file;
    file.path = t.table->NewDataPath("", ".parquet");
    file.record_count = 1;
    file.file_size = 100;
    change.added_data = {file};
    Must(t.table->Commit(change));
    t.clock.JumpWall(std::chrono::seconds(1));
    most_manifests =
        std::max(most_manifests, static_cast<int64_t>(t.table->manifests().size()));
  }
  // Three classes of up to 16 manifests; the newest 100 snapshots and one a minute; 20
  // old metadata files; the manifest lists of the last ten minutes.
  EXPECT_LE(most_manifests, 3 * 16 + 1);
  EXPECT_LE(t.table->metadata().snapshots().size(), 100u + 1000 / 60 + 2);
  EXPECT_LE(CountFiles(t.folder.path(), ".metadata.json"), 22);
  auto other = Other(t);
  EXPECT_EQ(LiveFiles(*other).size(), static_cast<size_t>(kCommits));
  EXPECT_EQ(other->metadata().current_snapshot()->Number("total-records"), kCommits);
  // Every snapshot that is left can be read.
  for (const Snapshot& s : other->metadata().snapshots()) {
    for (const ManifestFile& m :
         Must(DecodeManifestList(Must(t.files->Read(s.manifest_list))))) {
      EXPECT_TRUE(Must(t.files->Exists(m.path))) << m.path;
    }
  }
}

TEST(TableTest, FilesOfExpiredSnapshotsGo) {
  TestTable t("table_expiry");
  t.table->SetUpkeep({.keep_snapshots = 2, .keep_for = std::chrono::seconds(10)});
  auto first = t.Change(1, 0);
  first.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  Must(t.table->Commit(first));
  auto fold = t.Change(2, 1);
  fold.removed = {first.added_data[0].path};
  fold.added_data = {WriteRows(*t.files, *t.table, {{1, "a"}})};
  Must(t.table->Commit(fold));
  EXPECT_TRUE(Must(t.files->Exists(first.added_data[0].path)));
  for (uint64_t epoch = 3; epoch < 8; epoch++) {
    t.clock.JumpWall(std::chrono::minutes(10));
    Must(t.table->Commit(t.Change(epoch, epoch - 1)));
  }
  EXPECT_FALSE(Must(t.files->Exists(first.added_data[0].path)));
  EXPECT_TRUE(Must(t.files->Exists(fold.added_data[0].path)));
  EXPECT_EQ(t.table->metadata().snapshots().size(), 3u);
}

TEST(TableTest, ARolledBackTableHasItsOldToken) {
  TestTable t("table_rollback");
  Must(t.table->Commit(t.Change(1, 0)));
  LoadedTable old{t.table->metadata_location(), t.table->metadata()};
  Must(t.table->Commit(t.Change(2, 1)));
  // What rollback_to_snapshot does: the properties stay, the current snapshot goes back.
  TableMetadata back = old.metadata;
  back.SetProperty("leat.token.p", t.table->metadata().Property("leat.token.p", ""));
  LoadedTable now{t.table->metadata_location(), t.table->metadata()};
  ASSERT_TRUE(Must(t.catalog->Commit({"db", "t"}, now, back)));
  Must(t.table->Refresh());
  EXPECT_EQ(TokenIn(*t.table), TestToken(1));
}

TEST(TableTest, AnEpochOfManyShardsCommitsByAllTheirTokens) {
  TestTable t("table_shards");
  auto start = t.Change(1, 0);
  start.tokens.push_back(TestToken(1, "a1", "s2"));
  start.tokens.push_back(TestToken(1, "a1", "s3"));
  start.shards = {"s1", "s2", "s3"};
  Must(t.table->Commit(start));
  auto second = t.Change(2, 1);
  second.tokens.push_back(TestToken(2, "a1", "s2"));
  second.shards = {"s1", "s2"};
  second.expected["s2"] = TestToken(1, "a1", "s2");
  // Shard s2 went on elsewhere: neither token may move.
  auto other = Other(t);
  TableChange theirs;
  theirs.tokens = {TestToken(7, "b1", "s2")};
  theirs.shards = {"s2"};
  theirs.expected["s2"] = TestToken(1, "a1", "s2");
  Must(other->Commit(theirs));
  EXPECT_EQ(t.table->Commit(second).status().kind(), ErrorKind::kFenced);
  EXPECT_EQ(TokenIn(*Other(t)), TestToken(1));
  EXPECT_EQ(TokenIn(*Other(t), "s2"), TestToken(7, "b1", "s2"));
  EXPECT_EQ(TokenIn(*Other(t), "s3"), TestToken(1, "a1", "s3"));
  // An epoch of which one shard has gone on since it landed is there all the same.
  second.expected["s2"] = TestToken(7, "b1", "s2");
  Must(t.table->Commit(second));
  theirs.tokens = {TestToken(8, "b1", "s2")};
  theirs.expected["s2"] = TestToken(2, "a1", "s2");
  Must(other->Refresh());
  Must(other->Commit(theirs));
  EXPECT_EQ(Must(Other(t)->Commit(second)).outcome, Outcome::kAlreadyThere);
}

TEST(TableTest, TokensOfIdleShardsOutliveTheirSnapshots) {
  TestTable t("table_idle_shards");
  t.table->SetUpkeep({.keep_snapshots = 2, .keep_for = std::chrono::seconds(10)});
  auto start = t.Change(1, 0);
  for (int i = 0; i < 1000; i++) {
    start.tokens.push_back(TestToken(1, "a1", "topic/" + std::to_string(i)));
    start.shards.push_back(start.tokens.back().shard);
  }
  Must(t.table->Commit(start));
  for (uint64_t epoch = 2; epoch < 8; epoch++) {
    t.clock.JumpWall(std::chrono::minutes(10));
    Must(t.table->Commit(t.Change(epoch, epoch - 1)));
  }
  auto other = Other(t);
  EXPECT_EQ(TokenIn(*other, "topic/999"), TestToken(1, "a1", "topic/999"));
  // The names of shards and their positions, and little else.
  EXPECT_LT(other->metadata().Property("leat.token.p", "").size(), 1000u * 48);
  for (const Snapshot& s : other->metadata().snapshots()) {
    EXPECT_LT(s.summary.at("leat.token.p").size(), 300u);
  }
}

TEST(TableTest, ARollbackBehindAnIdleShardIsSaid) {
  TestTable t("table_rollback_shards");
  t.table->SetUpkeep({.keep_snapshots = 2, .keep_for = std::chrono::seconds(10)});
  Must(t.table->Commit(t.Change(1, 0)));
  for (uint64_t epoch = 2; epoch < 6; epoch++) {
    t.clock.JumpWall(std::chrono::minutes(10));
    TableChange change;
    change.tokens = {TestToken(epoch, "b", "s2")};
    change.shards = {"s2"};
    if (epoch > 2) change.expected["s2"] = TestToken(epoch - 1, "b", "s2");
    Must(t.table->Commit(change));
  }
  EXPECT_EQ(TokenIn(*t.table), TestToken(1));
  const int64_t before = t.table->snapshot_id();
  Must(t.table->Commit(t.Change(6, 1)));
  auto json = nlohmann::json::parse(t.table->metadata().ToJson());
  json["current-snapshot-id"] = before;
  json["refs"]["main"]["snapshot-id"] = before;
  LoadedTable now{t.table->metadata_location(), t.table->metadata()};
  ASSERT_TRUE(
      Must(t.catalog->Commit({"db", "t"}, now, Must(TableMetadata::Parse(json.dump())))));
  Must(t.table->Refresh());
  const std::vector<ShardId> shards = {"s1"};
  const auto tokens = t.table->GetTokens("p", shards);
  ASSERT_FALSE(tokens.ok());
  EXPECT_EQ(tokens.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(tokens.status().message(), HasSubstr("rolled back"));
}

TEST(TableTest, EvolvesItsSchemaOnce) {
  TestTable t("table_schema");
  SchemaChange change;
  change.columns = testing::TestColumns();
  change.columns.push_back({"more", arrow::int32(), true, "int"});
  change.key = {0};
  Must(t.table->EvolveSchema(change));
  const std::string location = t.table->metadata_location();
  Must(t.table->EvolveSchema(change));
  EXPECT_EQ(t.table->metadata_location(), location);
  EXPECT_EQ(Other(t)->schema().Find("more")->id, 3);
}

TEST(TableTest, WorksInAHadoopCatalog) {
  TestTable t("table_hadoop", "hadoop");
  auto zombie = Other(t);
  Must(t.table->Commit(t.Change(1, 0)));
  EXPECT_EQ(Must(zombie->Commit(t.Change(1, 0))).outcome, Outcome::kAlreadyThere);
  for (uint64_t epoch = 2; epoch < 40; epoch++) {
    Must(t.table->Commit(t.Change(epoch, epoch - 1)));
  }
  // Its base is long removed, and so is the version after it: the name is free again.
  EXPECT_FALSE(zombie->Commit(t.Change(2, 1)).ok());
  EXPECT_EQ(TokenIn(*Other(t)), TestToken(39));
}

}  // namespace
}  // namespace leat::iceberg
