#include "connectors/mysql/poll.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "connectors/mysql/poll_position.h"
#include "connectors/mysql/snapshot/snapshot_testing.h"

namespace leat::mysql {
namespace {

using testing::ElementsAre;

TEST(PollPositionTest, SurvivesItsText) {
  PollPosition at;
  at.floor = "42";
  at.passed = {"42", "7"};
  at.given = {{0xffff'ffff'ffff'ffff, 1}, {3, 2}};
  at.passes = 9;
  Result<PollPosition> again = PollPosition::Parse(at.ToPosition());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->floor, "42");
  EXPECT_EQ(again->passed, at.passed);
  EXPECT_EQ(again->given, at.given);
  EXPECT_EQ(again->passes, 9);
}

TEST(PollPositionTest, AnotherReadersPositionIsRefused) {
  Result<PollPosition> at = PollPosition::Parse({R"({"gtids": "0-1-2"})"});
  EXPECT_EQ(at.status().kind(), ErrorKind::kConfig);
}

class PollTest : public LiveServerTest {
 protected:
  void SetUp() override {
    LiveServerTest::SetUp();
    options_.table = "t";
    options_.cursor = "n";
    options_.limit = 10;
  }

  void Start(const Position& from) {
    Result<std::unique_ptr<Source>> made = MakePollSource(url_, options_, context_);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    source_ = *std::move(made);
    Status opened = source_->Open({});
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    auto assigned = source_->Read(clock_.Now());
    ASSERT_EQ(assigned->kind, ReadResult::Kind::kAssigned);
    ASSERT_TRUE(source_->Start(assigned->shards[0], {from, {}}).ok());
  }

  // The first column of what is new, up to the end as of now.
  std::vector<std::string> Next() {
    std::vector<std::string> rows;
    Position target = *source_->End("");
    do {
      auto read = source_->Read(clock_.Now() + std::chrono::hours(1));
      EXPECT_TRUE(read.ok()) << read.status().ToString();
      if (!read.ok()) break;
      if (read->kind != ReadResult::Kind::kBatch) continue;
      at_ = read->batch.end;
      for (const Chunk& chunk : read->batch.chunks) {
        for (int64_t i = 0; i < chunk.size(); i++) {
          rows.push_back((*chunk.rows->column(0)->GetScalar(i))->ToString());
        }
      }
    } while (!source_->Reached(at_, target) && !HasFailure());
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  PollOptions options_;
  FakeClock clock_;
  CancelToken cancel_;
  Logger log_{2, LogLevel::kError};
  ProjectSettings project_;
  Context context_{"test", "", clock_, log_, cancel_, project_, nullptr};
  std::unique_ptr<Source> source_;
  Position at_;
};

TEST_P(PollTest, TiesLoseNothingAndComeOnce) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  Run("INSERT INTO t SELECT seq, seq DIV 35 FROM " + Numbers(100));
  Start({});
  EXPECT_EQ(Next().size(), 100u);
  EXPECT_TRUE(Next().empty());
  Run("INSERT INTO t VALUES (1000, 2), (-5, 2), (1001, 3)");
  EXPECT_THAT(Next(), ElementsAre("-5", "1000", "1001"));
  Run("INSERT INTO t VALUES (7000, 3)");
  Start(at_);
  EXPECT_THAT(Next(), ElementsAre("7000"));
  EXPECT_TRUE(Next().empty());
}

TEST_P(PollTest, ARowChangedUnderItsCursorComesAgain) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, n DATETIME, v INT)");
  Run("INSERT INTO t VALUES (1, '2024-05-05 10:00:00', 1), (2, '2024-05-05 10:00:00', "
      "1)");
  Start({});
  EXPECT_EQ(Next().size(), 2u);
  Run("UPDATE t SET v = 2 WHERE id = 2");
  EXPECT_THAT(Next(), ElementsAre("2"));
}

TEST_P(PollTest, MoreTiesThanAreRememberedGoOnByTheKey) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  Run("INSERT INTO t SELECT seq, 1 FROM " + Numbers(12'000));
  options_.limit = 1000;
  Start({});
  EXPECT_EQ(Next().size(), 12'000u);
  EXPECT_LT(at_.text.size(), 200'000u);
  Run("INSERT INTO t VALUES (50000, 1), (50001, 2)");
  EXPECT_THAT(Next(), ElementsAre("50000", "50001"));
}

TEST_P(PollTest, SettleFindsWhatCommitsLateUnderALowerCursor) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  Run("INSERT INTO t VALUES (1, 1)");
  options_.settle = std::chrono::seconds(30);
  auto late = Client::Connect(url_);
  ASSERT_TRUE(late.ok());
  ASSERT_TRUE((*late)->Execute("START TRANSACTION; INSERT INTO t VALUES (2, 2)").ok());
  Start({});
  Run("INSERT INTO t VALUES (3, 3)");
  EXPECT_THAT(Next(), ElementsAre("1", "3"));
  clock_.Advance(std::chrono::seconds(20));
  ASSERT_TRUE((*late)->Execute("COMMIT").ok());
  EXPECT_THAT(Next(), ElementsAre("2"));
  EXPECT_TRUE(Next().empty());
  clock_.Advance(std::chrono::seconds(31));
  EXPECT_TRUE(Next().empty());
  EXPECT_EQ(PollPosition::Parse(at_)->floor, "3");
}

TEST_P(PollTest, AColumnAddedMeanwhileIsTold) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  Run("INSERT INTO t VALUES (1, 1)");
  Start({});
  EXPECT_EQ(Next().size(), 1u);
  Run("ALTER TABLE t ADD COLUMN more INT");
  Run("INSERT INTO t VALUES (2, 2, 5)");
  ASSERT_TRUE(source_->End("").ok());
  auto read = source_->Read(clock_.Now());
  ASSERT_EQ(read->kind, ReadResult::Kind::kBatch);
  ASSERT_EQ(read->batch.events.size(), 1u);
  EXPECT_EQ(read->batch.events[0].schema->columns.size(), 3u);
}

TEST_P(PollTest, AWrongCursorIsNamedWithTheNearest) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, updated_at DATETIME)");
  options_.cursor = "update_at";
  auto made = MakePollSource(url_, options_, context_);
  Status opened = (*made)->Open({});
  EXPECT_EQ(opened.kind(), ErrorKind::kConfig);
  EXPECT_THAT(opened.message(), testing::HasSubstr("updated_at"));
}

INSTANTIATE_TEST_SUITE_P(Live, PollTest, LiveServers(), LiveServerName);

}  // namespace
}  // namespace leat::mysql
