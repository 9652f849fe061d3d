// The source against real servers, driven as the runtime drives it.
#include "connectors/mysql/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "connectors/mysql/log/batch_testing.h"
#include "connectors/mysql/snapshot/snapshot_testing.h"
#include "core/config_reader.h"

namespace leat::mysql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SourceTest : public LiveServerTest {
 protected:
  bool mariadb() const { return client_->server().mariadb; }

  // A session of its own, for what must not stand in the test's.
  std::unique_ptr<Client> Session() {
    auto client = Client::Connect(url_);
    EXPECT_TRUE(client.ok()) << client.status().ToString();
    return client.ok() ? *std::move(client) : nullptr;
  }

  void Open(const std::string& more, Needs needs = {}, const Position& resume = {}) {
    auto config =
        ParseConfig(SourceSpec(), "url: mysql://u@h/" + database_ + "\n" + more);
    ASSERT_TRUE(config.ok()) << config.status().ToString();
    auto options = ReadSourceOptions(*config);
    ASSERT_TRUE(options.ok()) << options.status().ToString();
    options->url = url_;
    source_ = std::make_unique<LogSource>(*options, context_);
    Status status = source_->Open(needs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_TRUE(source_->Tables().ok());
    auto assigned = source_->Read(Soon());
    ASSERT_TRUE(assigned.ok());
    shard_ = assigned->shards.at(0);
    auto start = source_->Start(shard_, {resume, {}});
    ASSERT_TRUE(start.ok()) << start.status().ToString();
    position_ = *start;
  }

  // The connections to which the server sends its log.
  std::vector<std::string> Dumps() {
    std::vector<std::string> ids;
    for (const Row& row : Ask("SHOW PROCESSLIST")) {
      if (row[4].value_or("").starts_with("Binlog Dump")) ids.push_back(*row[0]);
    }
    return ids;
  }
  // A server ends what a test before this one left behind in its own time.
  void AwaitNoDumps() {
    while (!Dumps().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // Ends the session, and waits until the server has ended it as well.
  void Close(std::unique_ptr<Client> session) {
    auto id = session->QueryValue("SELECT CONNECTION_ID()");
    ASSERT_TRUE(id.ok() && *id) << id.status().ToString();
    session.reset();
    auto here = [&](const Row& row) { return row[0] == *id; };
    for (Rows rows = Ask("SHOW PROCESSLIST"); std::any_of(rows.begin(), rows.end(), here);
         rows = Ask("SHOW PROCESSLIST")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  static SteadyTime Soon() {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  }

  // Everything up to the log's end as of now.
  std::vector<std::string> CatchUp() {
    std::vector<std::string> lines;
    auto end = source_->End(shard_);
    EXPECT_TRUE(end.ok()) << end.status().ToString();
    if (!end.ok()) return lines;
    auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!source_->Reached(position_, *end)) {
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "stands at " << position_.text << ", not at " << end->text;
        return lines;
      }
      auto read = source_->Read(Soon());
      error_ = read.status();
      if (!read.ok()) {
        lines.push_back(error_.ToString());
        return lines;
      }
      if (read->kind != ReadResult::Kind::kBatch) continue;
      for (std::string& line : Lines(read->batch)) lines.push_back(std::move(line));
      if (read->batch.boundary) position_ = read->batch.end;
      batches_++;
      unfinished_ += read->batch.boundary ? 0 : 1;
    }
    return lines;
  }

  CancelToken cancel_;
  Logger log_{2, LogLevel::kError};
  ProjectSettings project_;
  Context context_{"p",     "/nonexistent", Clock::System(), log_,
                   cancel_, project_,       nullptr};
  std::unique_ptr<LogSource> source_;
  ShardId shard_;
  Position position_;
  Status error_;
  int batches_ = 0;
  int unfinished_ = 0;  // batches that end inside a transaction
};

INSTANTIATE_TEST_SUITE_P(Live, SourceTest, LiveServers(), LiveServerName);

TEST_P(SourceTest, InsertsUpdatesAndDeletesComeInOrder) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
  Open("tables: [t]\nsnapshot: never\n", {Needs::Before::kFull, false});
  Run("INSERT INTO t VALUES (1, 'a'), (2, NULL)");
  Run("UPDATE t SET v = 'b' WHERE id = 2");
  Run("DELETE FROM t WHERE id = 1");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 1|a", "insert t 2|null",
                                     "update t 2|b was 2|null", "delete t 1|a"));
}

// Without a key MINIMAL has the whole row before, and after it what changed.
TEST_P(SourceTest, Scar_11_AnAfterImageOfWhatChanged) {
  Run("CREATE TABLE t (a INT, b VARCHAR(20), c INT, d VARCHAR(9), e INT)");
  Open("tables: [t]\nsnapshot: never\n");
  Run("INSERT INTO t VALUES (1, 'a', 10, NULL, 5), (2, NULL, 20, 'd', NULL)");
  Run("SET SESSION binlog_row_image = MINIMAL");
  Run("UPDATE t SET b = 'new', c = NULL WHERE a = 1");
  Run("UPDATE t SET e = 7 WHERE a = 2");
  EXPECT_THAT(
      CatchUp(),
      ElementsAre("schema t", "insert t 1|a|10|null|5", "insert t 2|null|20|d|null",
                  "update t 1|new|null|null|5", "update t 2|null|20|d|7"));
}

TEST_P(SourceTest, SnapshotJoinsTheLog) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
  Run("INSERT INTO t VALUES (1, 10), (2, 20)");
  Open("tables: [t]\n");
  Run("UPDATE t SET v = 21 WHERE id = 2");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "read t 1|10", "read t 2|21", "done t"));
  Run("INSERT INTO t VALUES (3, 30)");
  EXPECT_THAT(CatchUp(), ElementsAre("insert t 3|30"));
}

// It would hang.
TEST_P(SourceTest, WakeEndsAWait) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Open("tables: [t]\nsnapshot: never\n");
  CatchUp();
  source_->Wake();
  auto read = source_->Read(std::chrono::steady_clock::now() + std::chrono::hours(24));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
}

TEST_P(SourceTest, SnapshotOnlyEnds) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Run("INSERT INTO t VALUES (1)");
  Open("tables: [t]\nsnapshot: only\n");
  std::vector<std::string> lines;
  for (int i = 0; i < 100; i++) {
    auto read = source_->Read(Soon());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    if (read->kind == ReadResult::Kind::kEnd) break;
    for (std::string& line : Lines(read->batch)) lines.push_back(line);
  }
  EXPECT_THAT(lines, ElementsAre("schema t", "read t 1", "done t"));
}

TEST_P(SourceTest, ResumesBehindTheLastBoundary) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Open("tables: [t]\nsnapshot: never\n");
  Run("INSERT INTO t VALUES (1)");
  CatchUp();
  Run("INSERT INTO t VALUES (2)");
  Open("tables: [t]\n", {}, position_);
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 2"));
}

TEST_P(SourceTest, Scar_05_ALargeTransactionComesInBoundedBatches) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))");
  Open("tables: [t]\nsnapshot: never\nbatch_bytes: 64KiB\n");
  Run("INSERT INTO t SELECT seq + 1, REPEAT('x', 90) FROM " + Numbers(20000) +
      " ORDER BY seq");
  EXPECT_THAT(CatchUp(), SizeIs(20001));
  EXPECT_GT(unfinished_, 10);
}

TEST_P(SourceTest, Scar_04_AReconnectInsideATransactionSkipsWhatWasDelivered) {
  AwaitNoDumps();
  Run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))");
  Open("tables: [t]\nsnapshot: never\nbatch_bytes: 64KiB\n");
  Run("INSERT INTO t SELECT seq + 1, REPEAT('x', 90) FROM " + Numbers(20000) +
      " ORDER BY seq");
  std::vector<std::string> lines;
  while (lines.size() < 5000) {
    auto read = source_->Read(Soon());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    for (std::string& line : Lines(read->batch)) lines.push_back(std::move(line));
  }
  const std::vector<std::string> dumps = Dumps();
  ASSERT_THAT(dumps, SizeIs(1));
  Run("KILL " + dumps[0]);
  for (std::string& line : CatchUp()) lines.push_back(std::move(line));
  std::erase(lines, "schema t");
  ASSERT_THAT(lines, SizeIs(20000));
  for (size_t i = 0; i < lines.size(); i++) {
    ASSERT_THAT(lines[i], HasSubstr("insert t " + std::to_string(i + 1) + "|"));
  }
}

TEST_P(SourceTest, XaCountsFromItsCommit) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Open("tables: [t]\nsnapshot: never\n");
  auto other = Session();
  for (const char* sql : {"XA START 'one'", "INSERT INTO t VALUES (1)", "XA END 'one'",
                          "XA PREPARE 'one'"}) {
    Status status = other->Execute(sql);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  Close(std::move(other));  // only then may another one commit it
  Run("INSERT INTO t VALUES (2)");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 2"));
  Open("tables: [t]\n", {}, position_);  // the prepared one is in the position
  Run("XA COMMIT 'one'");
  Run("XA START 'two'");
  Run("INSERT INTO t VALUES (3)");
  Run("XA END 'two'");
  Run("XA PREPARE 'two'");
  Run("XA ROLLBACK 'two'");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 1"));
}

TEST_P(SourceTest, Scar_33_DefinitionsEndTheBatch) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, a INT)");
  Open("tables: [t]\nsnapshot: never\n");
  Run("INSERT INTO t VALUES (1, 1)");
  Run("ALTER TABLE t ADD COLUMN b INT FIRST");
  Run("INSERT INTO t VALUES (2, 2, 2)");
  Run("TRUNCATE t");
  Run("INSERT INTO t VALUES (3, 3, 3)");
  Run("DROP TABLE t");
  EXPECT_THAT(CatchUp(),
              ElementsAre("schema t", "insert t 1|1", "schema t", "insert t 2|2|2",
                          "truncate t", "insert t 3|3|3", "drop t"));
}

TEST_P(SourceTest, Scar_33_ATableCreatedAnewStartsEmpty) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, a INT)");
  Open("tables: [t]\nsnapshot: never\n");
  Run("INSERT INTO t VALUES (1, 1)");
  Run("DROP TABLE t");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 1|1", "drop t"));
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Run("INSERT INTO t VALUES (2)");
  Open("tables: [t]\n", {}, position_);  // that it was dropped is in the position
  EXPECT_THAT(CatchUp(), ElementsAre("truncate t", "schema t", "insert t 2"));
}

TEST_P(SourceTest, Scar_33_SwappedTablesAreReadAnew) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Run("INSERT INTO t VALUES (1)");
  Open("tables: [t]\n");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "read t 1", "done t"));
  Run("CREATE TABLE t_new (id INT PRIMARY KEY, b INT)");
  Run("INSERT INTO t_new VALUES (5, 50)");
  Run("RENAME TABLE t TO t_old, t_new TO t");
  Run("INSERT INTO t VALUES (6, 60)");
  EXPECT_THAT(CatchUp(), ElementsAre("truncate t", "schema t", "read t 5|50",
                                     "read t 6|60", "done t"));
}

TEST_P(SourceTest, Scar_33_AnAddedDefaultIsReadForOldRows) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Run("INSERT INTO t VALUES (1), (2)");
  Open("tables: [t]\n", {Needs::Before::kKey, false});
  CatchUp();
  Run("ALTER TABLE t ADD COLUMN c INT DEFAULT 7");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "read t 1|7", "read t 2|7", "done t"));
}

// The rename is told where the new shape is, and once.
TEST_P(SourceTest, Scar_33_AColumnThatIsRenamedAndConverted) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, a DATETIME(6))");
  Run("INSERT INTO t VALUES (1, '2024-01-01 00:00:00.999999')");
  Open("tables: [t]\n", {Needs::Before::kKey, false});
  CatchUp();
  Run("ALTER TABLE t CHANGE a b DATETIME(3)");
  Run("INSERT INTO t VALUES (2, '2024-01-01 00:00:00.5')");
  auto end = source_->End(shard_);
  ASSERT_TRUE(end.ok());
  std::vector<std::vector<std::string>> renames;
  while (!source_->Reached(position_, *end)) {
    auto read = source_->Read(Soon());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    for (const Event& event : read->batch.events) {
      if (event.kind == Event::Kind::kSchema) renames.push_back(event.renamed_from);
    }
    if (read->batch.boundary) position_ = read->batch.end;
  }
  EXPECT_THAT(renames, ElementsAre(ElementsAre("id", "a")));
  EXPECT_THAT(position_.text, ::testing::Not(HasSubstr("renames")));
}

TEST_P(SourceTest, ATableThatIsGoneIsNotReadAgain) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Run("CREATE TABLE u (id INT PRIMARY KEY)");
  Open("tables: [t, u]\n", {Needs::Before::kKey, false});
  CatchUp();
  Run("ALTER TABLE t ADD COLUMN c INT DEFAULT 7");
  Run("DROP TABLE t");
  Run("INSERT INTO u VALUES (1)");
  EXPECT_THAT(CatchUp(), ElementsAre("drop t", "insert u 1"));
}

// Bytes of log that are not read yet, over several files.
TEST_P(SourceTest, KnowsHowMuchLogIsLeft) {
  Run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))");
  Open("tables: [t]\nsnapshot: never\nbatch_bytes: 64KiB\n");
  EXPECT_EQ(source_->GetLag().bytes, -1);
  for (int i = 0; i < 3; i++) {
    Run(fmt::format("INSERT INTO t SELECT seq + {}, REPEAT('x', 90) FROM {}", i * 20000,
                    Numbers(20000)));
    Run("FLUSH BINARY LOGS");
  }
  auto read = source_->Read(Soon());
  while (read.ok() && read->batch.rows() == 0) read = source_->Read(Soon());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  const int64_t left = source_->GetLag().bytes;
  EXPECT_GT(left, 3'600'000);
  EXPECT_LT(left, 9'000'000);
  CatchUp();
  for (int i = 0; i < 100 && source_->GetLag().bytes != 0; i++) {
    ASSERT_TRUE(source_->Read(Soon()).ok());
  }
  EXPECT_EQ(source_->GetLag().bytes, 0);
}

TEST_P(SourceTest, Scar_10_APurgedLogStopsAndSaysWhatIsLost) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Open("tables: [t]\nsnapshot: never\n");
  Run("INSERT INTO t VALUES (1)");
  CatchUp();
  source_.reset();  // a log that is being sent cannot be purged
  AwaitNoDumps();
  Run("INSERT INTO t VALUES (2)");
  Run("FLUSH BINARY LOGS");
  // The server holds a log until its background thread has let it go.
  for (int i = 0; i < 200; i++) {
    auto logs = client_->Query("SHOW BINARY LOGS");
    ASSERT_TRUE(logs.ok());
    if (logs->size() == 1) break;
    Run("PURGE BINARY LOGS TO '" + *logs->back()[0] + "'");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  Run("INSERT INTO t VALUES (3)");
  Open("tables: [t]\n", {}, position_);
  EXPECT_THAT(CatchUp(), SizeIs(1));
  EXPECT_EQ(error_.kind(), ErrorKind::kConfig);
  EXPECT_THAT(error_.message(), HasSubstr("purged"));
  EXPECT_THAT(error_.message(), HasSubstr("lost: "));
  EXPECT_THAT(error_.message(), HasSubstr("take a new snapshot"));
}

}  // namespace
}  // namespace leat::mysql
