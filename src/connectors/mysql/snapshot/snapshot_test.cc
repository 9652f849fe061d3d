#include "connectors/mysql/snapshot/snapshot.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "connectors/mysql/snapshot/chunk_reader.h"
#include "connectors/mysql/snapshot/snapshot_testing.h"

namespace leat::mysql {
namespace {

using std::chrono::seconds;

SteadyTime Soon() { return std::chrono::steady_clock::now() + seconds(60); }

class SnapshotTest : public LiveServerTest {
 protected:
  Result<std::vector<CatalogTable>> Find(const std::string& pattern = "*") {
    Result<TablePatterns> patterns = TablePatterns::Parse({pattern}, database_);
    if (!patterns.ok()) return patterns.status();
    return FindTables(client_.get(), *patterns);
  }

  std::unique_ptr<Snapshot> Start(const SnapshotOptions& options) {
    Result<std::vector<CatalogTable>> tables = Find();
    EXPECT_TRUE(tables.ok()) << tables.status().ToString();
    Result<std::unique_ptr<Snapshot>> snapshot =
        Snapshot::Start(url_, options, *tables, &progress_, context_);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
    return *std::move(snapshot);
  }

  // Takes up to `most` batches; row keys (the first column as text) in their order.
  std::vector<std::string> Drain(Snapshot* snapshot, int most = 1 << 30) {
    std::vector<std::string> keys;
    while (!snapshot->done() && most > 0) {
      Result<std::optional<LogMark>> mark = snapshot->NextMark(Soon());
      EXPECT_TRUE(mark.ok()) << mark.status().ToString();
      if (!mark.ok() || !*mark) break;
      Result<std::optional<SnapshotBatch>> batch = snapshot->Take(Soon());
      EXPECT_TRUE(batch.ok()) << batch.status().ToString();
      if (!batch.ok()) break;
      if (!*batch) continue;
      most--;
      rejects_ += (*batch)->rejects.size();
      if (!(*batch)->chunk.rows) continue;
      auto column = (*batch)->chunk.rows->column(0);
      for (int64_t i = 0; i < column->length(); i++) {
        keys.push_back((*column->GetScalar(i))->ToString());
      }
    }
    return keys;
  }

  // Rows this session has read from tables and indexes.
  int64_t RowsRead() {
    int64_t reads = 0;
    for (const Row& row : Ask("SHOW SESSION STATUS LIKE 'Handler_read%'")) {
      reads += std::stoll(*row[1]);
    }
    return reads;
  }

  SnapshotProgress progress_;
  size_t rejects_ = 0;
  CancelToken cancel_;
  Logger log_{2, LogLevel::kError};
  ProjectSettings project_;
  Context context_{"test", "", Clock::System(), log_, cancel_, project_, nullptr};
};

SnapshotOptions SmallChunks(int workers) {
  SnapshotOptions options;
  options.workers = workers;
  options.chunk_rows = 700;
  options.batch_bytes = 4000;
  options.buffer_bytes = 100'000;
  return options;
}

struct KeyCase {
  const char* name;
  const char* columns;
  const char* values;  // of seq
};

const KeyCase kKeys[] = {
    {"negative", "k INT PRIMARY KEY", "seq * 7 - 20000"},
    {"unsigned", "k BIGINT UNSIGNED PRIMARY KEY", "18446744073709551615 - seq * 3"},
    {"skewed", "k BIGINT PRIMARY KEY", "IF(seq < 4900, seq, 9000000000000000000 + seq)"},
    {"text", "k VARCHAR(80) PRIMARY KEY", "CONCAT('same-', SHA2(seq, 256))"},
    {"collation", "k VARCHAR(30) COLLATE utf8mb4_unicode_ci PRIMARY KEY",
     "CONCAT(ELT(1 + seq % 5, _utf8mb4 x'C3A9', 'Z', 'a', _utf8mb4 x'C39F', '_'), seq)"},
    {"latin1", "k VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_german1_ci PRIMARY KEY",
     "CONCAT(CONVERT(x'E4' USING latin1), seq)"},
    {"quotes", "k VARCHAR(30) PRIMARY KEY",
     "CONCAT(ELT(1 + seq % 4, '''', '\\\\', '\"', '%'), seq)"},
    {"composite", "k INT, b VARCHAR(10), PRIMARY KEY (k, b)",
     "IF(seq < 4000, 1, seq % 7), seq"},
    {"three", "k INT, b INT, c INT, PRIMARY KEY (k, b, c)",
     "seq % 3, FLOOR(seq / 3) % 11, seq"},
    {"moment", "k DATETIME(6), b DECIMAL(20,6), PRIMARY KEY (k, b)",
     "'2024-01-01' + INTERVAL seq % 50 HOUR + INTERVAL seq MICROSECOND, seq / 7"},
    {"date", "k DATE, b TIME(3), PRIMARY KEY (k, b)",
     "'2024-01-01' + INTERVAL seq % 9 DAY, SEC_TO_TIME(seq * 61 - 100000)"},
    {"binary", "k BINARY(16) PRIMARY KEY", "UNHEX(LEFT(SHA2(seq, 256), 32))"},
    {"zeros", "k BINARY(6) PRIMARY KEY", "UNHEX(CONCAT(HEX(seq + 4096), '0000'))"},
    {"enum", "k ENUM('c','b','a'), n INT, PRIMARY KEY (k, n)",
     "ELT(1 + seq % 3, 'a', 'b', 'c'), seq"},
    {"year", "k YEAR, n INT, PRIMARY KEY (k, n)", "1990 + seq % 30, seq"},
    {"bits", "k BIT(20) PRIMARY KEY", "seq + 5"},
    {"unique", "k INT NOT NULL UNIQUE, v INT", "seq * 2, NULL"},
    {"prefix", "k VARCHAR(100), PRIMARY KEY (k(20))", "CONCAT(seq, '-row')"},
    {"none", "k INT, v INT", "seq % 10, NULL"},
    {"float", "k FLOAT PRIMARY KEY", "seq / 3"},
    {"double", "k DOUBLE PRIMARY KEY", "seq / 3"},
};

// Every key comes once, in the key's order, whatever its type, in chunks, by one worker
// and by several, and when stopped and gone on with in the middle.
TEST_P(SnapshotTest, Scar_06_KeysOfEveryShapeComeWholeAndInOrder) {
  for (const KeyCase& key : kKeys) {
    SCOPED_TRACE(key.name);
    Run("DROP TABLE IF EXISTS t");
    Run(fmt::format("CREATE TABLE t ({})", key.columns));
    Run(fmt::format("INSERT INTO t SELECT {} FROM {}", key.values, Numbers(5000)));
    std::vector<std::string> expected;
    for (int workers : {1, 3}) {
      progress_ = SnapshotProgress();
      auto whole = Start(SmallChunks(workers));
      std::vector<std::string> keys = Drain(whole.get());
      EXPECT_EQ(keys.size(), 5000u) << workers;
      EXPECT_TRUE(progress_.Of({database_, "", "t"}).done);
      if (expected.empty()) expected = keys;
      EXPECT_EQ(keys, expected) << workers;
    }
    if ((*Find())[0].order.empty()) continue;
    progress_ = SnapshotProgress();
    std::vector<std::string> keys = Drain(Start(SmallChunks(1)).get(), 3);
    EXPECT_LT(keys.size(), 5000u);
    progress_ = *SnapshotProgress::Parse(progress_.ToJson());
    for (const std::string& rest : Drain(Start(SmallChunks(2)).get()))
      keys.push_back(rest);
    EXPECT_EQ(keys, expected);
  }
}

TEST_P(SnapshotTest, Scar_06_ChunksAreRangesOfTheIndex) {
  for (const KeyCase& key : kKeys) {
    SCOPED_TRACE(key.name);
    Run("DROP TABLE IF EXISTS t");
    Run(fmt::format("CREATE TABLE t ({})", key.columns));
    Run(fmt::format("INSERT INTO t SELECT {} FROM {}", key.values, Numbers(5000)));
    Run("ANALYZE TABLE t");
    ChunkPlan plan;
    plan.table = (*Find())[0];
    plan.key = ChunkKey(plan.table);
    if (plan.key.empty()) continue;
    Result<std::unique_ptr<SnapshotView>> view = SnapshotView::Connect(url_);
    ASSERT_TRUE(view.ok()) << view.status().ToString();
    ChunkReader reader(*std::move(view), ValueOptions(), 1 << 20);
    Result<std::optional<KeyValues>> lower = reader.Boundary(plan, 2500);
    ASSERT_TRUE(lower.ok() && *lower) << lower.status().ToString();
    plan.lower = **lower;
    plan.limit = 100;
    int64_t before = RowsRead();
    ASSERT_EQ(Ask(ChunkSql(plan)).size(), 100u);
    int64_t reads = RowsRead() - before;
    EXPECT_LT(reads, 200) << ChunkSql(plan);
  }
}

// The proof of the design: a view's rows are those of the transactions logged before its
// mark, one row each, while others commit all the time.
TEST_P(SnapshotTest, Scar_03_AViewIsExactlyTheLogBeforeItsMark) {
  Run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT) AUTO_INCREMENT = 1");
  std::atomic<bool> stop = false;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; i++) {
    writers.emplace_back([&] {
      auto client = Client::Connect(url_);
      ASSERT_TRUE(client.ok());
      while (!stop) ASSERT_TRUE((*client)->Execute("INSERT INTO t (v) VALUES (1)").ok());
    });
  }
  Result<std::unique_ptr<SnapshotView>> view = SnapshotView::Connect(url_);
  ASSERT_TRUE(view.ok());
  std::vector<std::pair<LogMark, int64_t>> seen;
  CatalogTable table = (*Find())[0];
  // As many as it takes for the writers to have begun and gone on.
  while (seen.size() < 200 || seen.back().second == seen.front().second) {
    Result<LogMark> mark = (*view)->Open(table, cancel_);
    ASSERT_TRUE(mark.ok()) << mark.status().ToString();
    auto count = (*view)->client().QueryValue("SELECT COUNT(*) FROM t");
    ASSERT_TRUE(count.ok());
    seen.emplace_back(*mark, std::stoll(**count));
    ASSERT_TRUE((*view)->Close().ok());
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  ASSERT_GT(seen.back().second, seen.front().second);
  std::map<std::string, std::vector<uint64_t>> commits;  // ends of INSERTs, by file
  for (const auto& [mark, rows] : seen) {
    if (commits.contains(mark.file)) continue;
    for (const Row& row : Ask("SHOW BINLOG EVENTS IN '" + mark.file + "'")) {
      if (*row[2] == "Xid") commits[mark.file].push_back(std::stoull(*row[4]));
    }
  }
  // Both counts grow by the same numbers from view to view of one log file.
  auto before = [&](const LogMark& mark) {
    const std::vector<uint64_t>& ends = commits[mark.file];
    return std::upper_bound(ends.begin(), ends.end(), mark.offset) - ends.begin();
  };
  for (size_t i = 1; i < seen.size(); i++) {
    if (seen[i].first.file != seen[i - 1].first.file) continue;
    EXPECT_EQ(seen[i].second - seen[i - 1].second,
              before(seen[i].first) - before(seen[i - 1].first));
  }
}

INSTANTIATE_TEST_SUITE_P(Live, SnapshotTest, LiveServers(), LiveServerName);

}  // namespace
}  // namespace leat::mysql
