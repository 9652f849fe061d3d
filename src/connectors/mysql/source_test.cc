// The source against a real MariaDB, driven as the runtime drives it.
#include "connectors/mysql/source.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/mysql/test_server.h"
#include "core/config_reader.h"

namespace leat::mysql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A row as "insert t 1|a" and an event as "schema t", in the order of seq.
std::string RowText(const arrow::RecordBatch& rows, int64_t row) {
  std::string out;
  for (int c = 0; c < rows.num_columns(); c++) {
    if (c > 0) out += '|';
    out += (*rows.column(c)->GetScalar(row))->ToString();
  }
  return out;
}

std::vector<std::string> Lines(const Batch& batch) {
  static constexpr const char* kOps[] = {"insert", "update", "delete", "read"};
  static constexpr const char* kEvents[] = {"schema", "truncate", "drop", "rename",
                                            "done"};
  std::map<uint32_t, std::string> lines;
  for (const Chunk& chunk : batch.chunks) {
    int64_t before = 0;
    for (int64_t i = 0; i < chunk.size(); i++) {
      auto at = static_cast<size_t>(i);
      std::string line = std::string(kOps[static_cast<int>(chunk.ops[at])]) + " " +
                         chunk.schema->id.table + " " + RowText(*chunk.rows, i);
      if (chunk.ops[at] == Op::kUpdate && chunk.before) {
        line += " was " + RowText(*chunk.before, before++);
      }
      lines[chunk.seq[at]] = line;
    }
  }
  for (const Event& event : batch.events) {
    lines[event.seq] =
        std::string(kEvents[static_cast<int>(event.kind)]) + " " + event.table.table;
  }
  std::vector<std::string> out;
  for (auto& [seq, line] : lines) out.push_back(line);
  return out;
}

class SourceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = TestServer::Start({}, &reason_).release(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << reason_;
    Connect();
    Sql("DROP DATABASE IF EXISTS shop");
    Sql("CREATE DATABASE shop");
    Sql("USE shop");
  }

  void Connect() {
    auto client = Client::Connect(*Url::Parse(server_->url("")));
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = *std::move(client);
  }

  void Sql(const std::string& statement) {
    Status status = client_->Execute(statement);
    ASSERT_TRUE(status.ok()) << statement << ": " << status.ToString();
  }

  void Open(const std::string& more, Needs needs = {}, const Position& resume = {}) {
    auto config = ParseConfig(SourceSpec(), "url: " + server_->url() + "\n" + more);
    ASSERT_TRUE(config.ok()) << config.status().ToString();
    auto options = ReadSourceOptions(*config);
    ASSERT_TRUE(options.ok()) << options.status().ToString();
    source_ = std::make_unique<LogSource>(*options, context_);
    Status status = source_->Open(needs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    auto assigned = source_->Read(Soon());
    ASSERT_TRUE(assigned.ok());
    shard_ = assigned->shards.at(0);
    auto start = source_->Start(shard_, {resume, {}});
    ASSERT_TRUE(start.ok()) << start.status().ToString();
    position_ = *start;
  }

  // How many logs are being sent; `kill` ends them.
  int Dumps(bool kill = false) {
    int count = 0;
    auto processes = client_->Query("SHOW PROCESSLIST");
    EXPECT_TRUE(processes.ok());
    for (const Row& row : *processes) {
      if (row[4].value_or("") != "Binlog Dump") continue;
      if (kill) Sql("KILL " + *row[0]);
      count++;
    }
    return count;
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
      if (!read.ok()) return lines;
      if (read->kind != ReadResult::Kind::kBatch) continue;
      for (std::string& line : Lines(read->batch)) lines.push_back(std::move(line));
      if (read->batch.boundary) position_ = read->batch.end;
      batches_++;
      unfinished_ += read->batch.boundary ? 0 : 1;
    }
    return lines;
  }

  static TestServer* server_;
  static std::string reason_;
  CancelToken cancel_;
  Logger log_{2, LogLevel::kError};
  Context context_{"p", "/nonexistent", Clock::System(), log_, cancel_};
  std::unique_ptr<Client> client_;
  std::unique_ptr<LogSource> source_;
  ShardId shard_;
  Position position_;
  Status error_;
  int batches_ = 0;
  int unfinished_ = 0;  // batches that end inside a transaction
};

TestServer* SourceTest::server_ = nullptr;
std::string SourceTest::reason_;

TEST_F(SourceTest, InsertsUpdatesAndDeletesComeInOrder) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
  Open("tables: [t]\nsnapshot: never\n", {Needs::Before::kFull, false});
  Sql("INSERT INTO t VALUES (1, 'a'), (2, NULL)");
  Sql("UPDATE t SET v = 'b' WHERE id = 2");
  Sql("DELETE FROM t WHERE id = 1");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 1|a", "insert t 2|null",
                                     "update t 2|b was 2|null", "delete t 1|a"));
}

TEST_F(SourceTest, SnapshotJoinsTheLog) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
  Sql("INSERT INTO t VALUES (1, 10), (2, 20)");
  Open("tables: [t]\n");
  Sql("UPDATE t SET v = 21 WHERE id = 2");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "read t 1|10", "read t 2|21", "done t"));
  Sql("INSERT INTO t VALUES (3, 30)");
  EXPECT_THAT(CatchUp(), ElementsAre("insert t 3|30"));
}

TEST_F(SourceTest, ReadOnceEnds) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY)");
  Sql("INSERT INTO t VALUES (1)");
  Open("tables: [t]\nread: once\n");
  std::vector<std::string> lines;
  for (int i = 0; i < 100; i++) {
    auto read = source_->Read(Soon());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    if (read->kind == ReadResult::Kind::kEnd) break;
    for (std::string& line : Lines(read->batch)) lines.push_back(line);
  }
  EXPECT_THAT(lines, ElementsAre("schema t", "read t 1", "done t"));
}

TEST_F(SourceTest, ResumesBehindTheLastBoundary) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY)");
  Open("tables: [t]\nsnapshot: never\n");
  Sql("INSERT INTO t VALUES (1)");
  CatchUp();
  Sql("INSERT INTO t VALUES (2)");
  Open("tables: [t]\n", {}, position_);
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 2"));
}

TEST_F(SourceTest, Scar_05_ALargeTransactionComesInBoundedBatches) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))");
  Open("tables: [t]\nsnapshot: never\nbatch_bytes: 64KiB\n");
  Sql("INSERT INTO t SELECT seq, REPEAT('x', 90) FROM seq_1_to_20000");
  EXPECT_THAT(CatchUp(), SizeIs(20001));
  EXPECT_GT(unfinished_, 10);
}

TEST_F(SourceTest, Scar_04_AReconnectInsideATransactionSkipsWhatWasDelivered) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))");
  Open("tables: [t]\nsnapshot: never\nbatch_bytes: 64KiB\n");
  Sql("INSERT INTO t SELECT seq, REPEAT('x', 90) FROM seq_1_to_20000");
  std::vector<std::string> lines;
  while (lines.size() < 5000) {
    auto read = source_->Read(Soon());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    for (std::string& line : Lines(read->batch)) lines.push_back(std::move(line));
  }
  EXPECT_EQ(Dumps(/*kill=*/true), 1);
  for (std::string& line : CatchUp()) lines.push_back(std::move(line));
  std::erase(lines, "schema t");
  ASSERT_THAT(lines, SizeIs(20000));
  for (size_t i = 0; i < lines.size(); i++) {
    ASSERT_THAT(lines[i], HasSubstr("insert t " + std::to_string(i + 1) + "|"));
  }
}

TEST_F(SourceTest, XaCountsFromItsCommit) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY)");
  Open("tables: [t]\nsnapshot: never\n");
  Sql("XA START 'one'");
  Sql("INSERT INTO t VALUES (1)");
  Sql("XA END 'one'");
  Sql("XA PREPARE 'one'");
  Connect();
  Sql("USE shop");
  Sql("INSERT INTO t VALUES (2)");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 2"));
  Open("tables: [t]\n", {}, position_);  // the prepared one is in the position
  Sql("XA COMMIT 'one'");
  Sql("XA START 'two'");
  Sql("INSERT INTO t VALUES (3)");
  Sql("XA END 'two'");
  Sql("XA PREPARE 'two'");
  Sql("XA ROLLBACK 'two'");
  EXPECT_THAT(CatchUp(), ElementsAre("schema t", "insert t 1"));
}

TEST_F(SourceTest, Scar_33_DefinitionsEndTheBatch) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY, a INT)");
  Open("tables: [t]\nsnapshot: never\n");
  Sql("INSERT INTO t VALUES (1, 1)");
  Sql("ALTER TABLE t ADD COLUMN b INT FIRST");
  Sql("INSERT INTO t VALUES (2, 2, 2)");
  Sql("TRUNCATE t");
  Sql("INSERT INTO t VALUES (3, 3, 3)");
  Sql("DROP TABLE t");
  EXPECT_THAT(CatchUp(),
              ElementsAre("schema t", "insert t 1|1", "schema t", "insert t 2|2|2",
                          "truncate t", "insert t 3|3|3", "drop t"));
}

TEST_F(SourceTest, Scar_10_APurgedLogStopsAndSaysWhatIsLost) {
  Sql("CREATE TABLE t (id INT PRIMARY KEY)");
  Open("tables: [t]\nsnapshot: never\n");
  Sql("INSERT INTO t VALUES (1)");
  CatchUp();
  source_.reset();  // a log that is being sent cannot be purged
  while (Dumps() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  Sql("INSERT INTO t VALUES (2)");
  Sql("FLUSH BINARY LOGS");
  // The server holds a log until its background thread has let it go.
  for (int i = 0; i < 200; i++) {
    auto logs = client_->Query("SHOW BINARY LOGS");
    ASSERT_TRUE(logs.ok());
    if (logs->size() == 1) break;
    Sql("PURGE BINARY LOGS TO '" + *logs->back()[0] + "'");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  Sql("INSERT INTO t VALUES (3)");
  Open("tables: [t]\n", {}, position_);
  EXPECT_THAT(CatchUp(), IsEmpty());
  EXPECT_EQ(error_.kind(), ErrorKind::kConfig);
  EXPECT_THAT(error_.message(), HasSubstr("purged"));
  EXPECT_THAT(error_.message(), HasSubstr("lost: everything up to"));
  EXPECT_THAT(error_.message(), HasSubstr("leat offsets p --reset"));
}

}  // namespace
}  // namespace leat::mysql
