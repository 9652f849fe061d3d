// The proof of docs/mysql.md's argument by trial: while several sessions insert, update,
// move and delete rows at random, snapshots are read, thrown away in the middle and gone
// on with from the last boundary, as after kill -9. Every row that comes is held against
// a model that takes no row twice and changes none it does not have exactly as it was.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "connectors/mysql/log/batch_testing.h"
#include "connectors/mysql/snapshot/snapshot_testing.h"
#include "connectors/mysql/source.h"
#include "core/config_reader.h"

namespace leat::mysql {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Rows by table, as text; with how often.
class Model {
 public:
  void Apply(const Batch& batch) {
    for (const std::string& line : Lines(batch)) ApplyLine(line);
  }
  bool operator==(const Model&) const = default;
  const std::map<std::string, std::multiset<std::string>>& tables() const {
    return tables_;
  }
  const std::string& fault() const { return fault_; }

 private:
  void ApplyLine(const std::string& line) {
    size_t space = line.find(' ');
    size_t second = line.find(' ', space + 1);
    std::string op = line.substr(0, space);
    if (second == std::string::npos || op == "schema" || op == "done") return;
    std::string table = line.substr(space + 1, second - space - 1);
    std::string row = line.substr(second + 1);
    std::string before;
    if (size_t was = row.find(" was "); was != std::string::npos) {
      before = row.substr(was + 5);
      row.resize(was);
    }
    std::multiset<std::string>& rows = tables_[table];
    if (op == "delete" || op == "update") {
      auto at = rows.find(op == "delete" ? row : before);
      if (at == rows.end()) {
        fault_ = "missing before: " + line;
        return;
      }
      rows.erase(at);
      if (op == "delete") return;
    }
    if (table != "n" && HasKey(rows, row)) fault_ = "there already: " + line;
    rows.insert(row);
  }
  // The key stands first in a row, up to its first '|'.
  static bool HasKey(const std::multiset<std::string>& rows, const std::string& row) {
    std::string key = row.substr(0, row.find('|') + 1);
    auto at = rows.lower_bound(key);
    return at != rows.end() && at->starts_with(key);
  }

  std::map<std::string, std::multiset<std::string>> tables_;
  std::string fault_;
};

class SnapshotStressTest : public LiveServerTest {
 protected:
  static constexpr int kRows = 6000;

  void MakeTables() {
    Run("CREATE TABLE i (id INT PRIMARY KEY, v INT)");
    Run("CREATE TABLE s (k VARCHAR(40) COLLATE utf8mb4_unicode_ci PRIMARY KEY, v INT)");
    Run("CREATE TABLE n (a INT, v INT)");
    Run(fmt::format("INSERT INTO i SELECT seq * 5, 0 FROM {}", Numbers(kRows)));
    Run(fmt::format(
        "INSERT INTO s SELECT CONCAT(ELT(1 + seq % 3, 'a', 'Z', 'm'), seq), 0 "
        "FROM {}",
        Numbers(kRows)));
    Run(fmt::format("INSERT INTO n SELECT seq % 50, 0 FROM {}", Numbers(500)));
  }

  void Write(int seed) {
    auto client = Client::Connect(url_);
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    std::mt19937 random(static_cast<unsigned>(seed));
    auto below = [&](int n) {
      return static_cast<int>(random() % static_cast<unsigned>(n));
    };
    while (!stop_) {
      std::string sql;
      for (int statements = 1 + below(4); statements > 0; statements--) {
        int id = below(kRows * 6);
        std::string k = fmt::format("{}{}", "aZmA"[below(4)], below(kRows));
        switch (below(9)) {
          case 0:
            sql += fmt::format("REPLACE INTO i VALUES ({}, {})", id, below(9));
            break;
          case 1:
            sql += fmt::format("UPDATE i SET v = v + 1 WHERE id BETWEEN {} AND {}", id,
                               id + 20);
            break;
          case 2: sql += fmt::format("DELETE FROM i WHERE id = {}", id - id % 5); break;
          case 3:
            sql += fmt::format("UPDATE IGNORE i SET id = {} WHERE id = {}",
                               below(kRows * 6), id - id % 5);
            break;
          case 4:
            sql += fmt::format("REPLACE INTO s VALUES ('{}', {})", k, below(9));
            break;
          case 5:
            sql += fmt::format("UPDATE IGNORE s SET k = '{}{}' WHERE k = '{}'",
                               "zb"[below(2)], below(kRows), k);
            break;
          case 6:
            sql += fmt::format("UPDATE s SET k = UPPER(k), v = v + 1 WHERE k = '{}'", k);
            break;
          case 7: sql += fmt::format("DELETE FROM s WHERE k = '{}'", k); break;
          default:
            sql += fmt::format("INSERT INTO n VALUES ({}, {})", below(50), below(9));
            break;
        }
        sql += "; ";
      }
      // Deadlocks and duplicate keys undo the transaction, which is as good.
      (void)(*client)->Execute("START TRANSACTION; " + sql + "COMMIT");
      (void)(*client)->Execute("ROLLBACK");
    }
  }

  std::unique_ptr<LogSource> Open(const std::string& more, const Position& resume) {
    auto config = ParseConfig(SourceSpec(), "url: mysql://u@h/" + database_ + more);
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    auto options = ReadSourceOptions(*config);
    EXPECT_TRUE(options.ok()) << options.status().ToString();
    options->url = url_;
    auto source = std::make_unique<LogSource>(*options, context_);
    Status opened = source->Open({Needs::Before::kFull, false});
    EXPECT_TRUE(opened.ok()) << opened.ToString();
    auto assigned = source->Read(SteadyClock::now());
    EXPECT_TRUE(assigned.ok());
    auto start = source->Start(assigned->shards.at(0), {resume, {}});
    EXPECT_TRUE(start.ok()) << start.status().ToString();
    if (resume.empty()) committed_ = *start;
    return source;
  }

  // Reads `batches` boundaries, or up to `target`; what lies behind the last is lost.
  bool ReadOn(LogSource* source, int boundaries, const Position* target) {
    Model open = model_;
    auto give_up = SteadyClock::now() + std::chrono::seconds(120);
    while (boundaries > 0 && SteadyClock::now() < give_up) {
      if (target && source->Reached(committed_, *target)) return true;
      auto read = source->Read(SteadyClock::now() + std::chrono::milliseconds(200));
      EXPECT_TRUE(read.ok()) << read.status().ToString();
      if (!read.ok() || read->kind == ReadResult::Kind::kEnd) return read.ok();
      if (read->kind != ReadResult::Kind::kBatch) continue;
      open.Apply(read->batch);
      EXPECT_EQ(open.fault(), "") << read->batch.end.text;
      if (!open.fault().empty()) return false;
      if (!read->batch.boundary) continue;
      model_ = open;
      committed_ = read->batch.end;
      boundaries--;
    }
    return !target;
  }

  void Try(int workers, unsigned seed) {
    std::mt19937 random(seed);
    std::string more = fmt::format(
        "\ntables: ['*']\nsnapshot_chunk_rows: 250\nsnapshot_workers: {}\n", workers);
    model_ = Model();
    committed_ = Position();
    stop_ = false;
    std::vector<std::thread> writers;
    for (int i = 0; i < 3; i++) {
      writers.emplace_back([this, i, seed] { Write(static_cast<int>(seed) * 10 + i); });
    }
    bool good = true;
    for (int kill = 0; kill < 12 && good; kill++) {
      auto source = Open(more, committed_);
      good = ReadOn(source.get(), 1 + static_cast<int>(random() % 12), nullptr);
    }
    auto source = Open(more, committed_);
    if (good) good = ReadOn(source.get(), 20, nullptr);
    stop_ = true;
    for (std::thread& writer : writers) writer.join();
    ASSERT_TRUE(good);
    auto end = source->End("log");
    ASSERT_TRUE(end.ok());
    ASSERT_TRUE(ReadOn(source.get(), INT_MAX, &*end)) << committed_.text;
    Model streamed = model_;
    model_ = Model();
    auto fresh = Open(more + "snapshot: only\n", {});
    ASSERT_TRUE(ReadOn(fresh.get(), INT_MAX, nullptr));
    EXPECT_GT(model_.tables().at("i").size(), 1000u);
    for (const auto& [table, rows] : model_.tables()) {
      EXPECT_TRUE(streamed.tables().at(table) == rows)
          << table << ": " << streamed.tables().at(table).size() << " rows, not "
          << rows.size();
    }
  }

  CancelToken cancel_;
  Logger log_{2, LogLevel::kError};
  ProjectSettings project_;
  Context context_{"p",      "/nonexistent", leat::Clock::System(), log_, cancel_,
                   project_, nullptr};
  std::atomic<bool> stop_ = false;
  Model model_;         // as of committed_
  Position committed_;  // the last boundary
};

TEST_P(SnapshotStressTest, Scar_01_KilledSnapshotsUnderWritesAreExact) {
  MakeTables();
  Try(1, 1);
}

TEST_P(SnapshotStressTest, Scar_03_SeveralWorkersUnderWritesAreExact) {
  MakeTables();
  Try(3, 2);
}

INSTANTIATE_TEST_SUITE_P(Live, SnapshotStressTest, LiveServers(), LiveServerName);

}  // namespace
}  // namespace leat::mysql
