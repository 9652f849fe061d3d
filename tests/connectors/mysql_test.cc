// The suite on the MySQL source, as the registry makes it, against a real MariaDB whose
// url is in LEAT_TEST_MARIADB_URL: a snapshot in chunks, then changes from the log.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>

#include "base/text.h"
#include "conformance/memory_sink.h"
#include "conformance/suite.h"
#include "connectors/mysql/client/client.h"
#include "core/config_reader.h"
#include "core/register_parts.h"

namespace leat::conformance {
namespace {

constexpr const char* kMariadbUrl = "LEAT_TEST_MARIADB_URL";
constexpr const char* kDatabase = "leat_conformance";

const std::vector<std::string> kBefore = {
    "CREATE TABLE a (id BIGINT PRIMARY KEY)", "CREATE TABLE b (id BIGINT PRIMARY KEY)",
    "INSERT INTO a VALUES (0), (1), (2)", "INSERT INTO b VALUES (10), (11)"};
// Each a transaction.
const std::vector<std::string> kAfter = {
    "INSERT INTO a VALUES (3)",
    "BEGIN; INSERT INTO a VALUES (4); INSERT INTO b VALUES (12), (13); COMMIT",
    "CREATE OR REPLACE TABLE other (id INT); INSERT INTO other VALUES (1)",
    "BEGIN; INSERT INTO b VALUES (14); INSERT INTO a VALUES (5), (6); COMMIT",
    "INSERT INTO b VALUES (15)"};
const std::map<std::string, std::vector<int64_t>> kExpected = {
    {"a", {0, 1, 2, 3, 4, 5, 6}}, {"b", {10, 11, 12, 13, 14, 15}}};

// What the database has after its last change is the end: it is where all sources stop.
class Database {
 public:
  explicit Database(const mysql::Url& url) : client_(Must(mysql::Client::Connect(url))) {}

  void Reset() {
    std::lock_guard lock(mutex_);
    Must(
        client_->Execute(fmt::format("DROP DATABASE IF EXISTS {0}; CREATE DATABASE {0}; "
                                     "USE {0}",
                                     kDatabase)));
    for (const std::string& sql : kBefore) Must(client_->Execute(sql));
    changed_ = false;
  }
  // Once after each Reset, when a source has settled where it begins.
  void ChangeOnce(Source* source, const ShardId& shard) {
    std::lock_guard lock(mutex_);
    if (changed_) return;
    changed_ = true;
    for (const std::string& sql : kAfter) Must(client_->Execute(sql));
    end_ = Must(source->End(shard));
  }
  Position end() {
    std::lock_guard lock(mutex_);
    return end_;
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<mysql::Client> client_;
  bool changed_ = false;
  Position end_;
};

// A source that ends where the database's changes end.
class EndingMysql final : public Source {
 public:
  EndingMysql(std::unique_ptr<Source> inner, Database& database)
      : inner_(std::move(inner)), database_(database) {}

  Status Open(const Needs& needs) override { return inner_->Open(needs); }
  Result<std::vector<SchemaRef>> Tables() override { return inner_->Tables(); }
  Result<Position> Start(const ShardId& shard, const Resume& resume) override {
    ASSIGN_OR_RETURN(at_, inner_->Start(shard, resume));
    database_.ChangeOnce(inner_.get(), shard);
    started_ = true;
    return at_;
  }
  Result<ReadResult> Read(SteadyTime deadline) override {
    if (started_ && inner_->Reached(at_, database_.end())) {
      ReadResult end;
      end.kind = ReadResult::Kind::kEnd;
      return end;
    }
    ASSIGN_OR_RETURN(ReadResult read, inner_->Read(deadline));
    if (read.kind == ReadResult::Kind::kBatch && read.batch.boundary) {
      at_ = read.batch.end;
    }
    return read;
  }
  Result<Position> End(const ShardId& shard) override { return inner_->End(shard); }
  bool Reached(const Position& at, const Position& target) const override {
    return inner_->Reached(at, target);
  }
  Lag GetLag() const override { return inner_->GetLag(); }
  void Ack(const ShardId& shard, const Position& committed) override {
    inner_->Ack(shard, committed);
  }

 private:
  const std::unique_ptr<Source> inner_;
  Database& database_;
  Position at_;
  bool started_ = false;
};

class MysqlSubject final : public Subject {
 public:
  MysqlSubject(const std::string& url, bool staged)
      : staged_(staged), database_(Must(mysql::Url::Parse(url))) {
    RegisterParts(&registry_);
    type_ = registry_.FindSource("mysql");
    config_ = std::make_unique<Config>(Must(ParseConfig(
        type_->spec, fmt::format("url: {}/{}\ntables: [a, b]\nsnapshot_chunk_rows: 2\n",
                                 url, kDatabase))));
    Reset();
  }

  void Reset() override {
    database_.Reset();
    judge_ = Must(type_->make(*config_, context_));
    target_ = std::make_unique<MemoryTarget>(
        [this](const Position& at, const Position& target) {
          return judge_->Reached(at, target);
        });
  }

  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context& context) -> Result<std::unique_ptr<Source>> {
      ASSIGN_OR_RETURN(auto source, type_->make(*config_, context));
      return std::unique_ptr<Source>(new EndingMysql(std::move(source), database_));
    };
    parts.sink = [this](const Context&) -> Result<std::unique_ptr<Sink>> {
      if (staged_) return std::unique_ptr<Sink>(new MemoryStagedSink(*target_, {}));
      return std::unique_ptr<Sink>(new MemoryTransactionalSink(*target_, {}));
    };
    return parts;
  }

  CommitPolicy policy() const override {
    return {std::chrono::hours(1), 3, int64_t{1} << 30};
  }

  std::vector<std::string> Judge(Store& store, bool store_kept) override {
    std::vector<std::string> wrong = target_->errors();
    auto tables = target_->tables();
    for (const auto& [table, ids] : kExpected) {
      std::vector<int64_t> rows = tables[table].rows;
      std::ranges::sort(rows);
      if (rows == ids) continue;
      wrong.push_back(fmt::format("table {} has rows [{}], expected [{}]", table,
                                  Joined(rows, " "), Joined(ids, " ")));
    }
    return wrong;
  }

  bool IsRequest(const std::string& failpoint) const override {
    return failpoint.starts_with("memory.commit");
  }

 private:
  const bool staged_;
  Registry registry_;
  const SourceType* type_ = nullptr;
  CancelToken cancel_;
  Logger log_{2, LogLevel::kError};
  const ProjectSettings project_;
  const Context context_{"p", "", Clock::System(), log_, cancel_, project_, nullptr};
  std::unique_ptr<Config> config_;
  Database database_;
  std::unique_ptr<Source> judge_;  // compares positions, never opened
  std::unique_ptr<MemoryTarget> target_;
};

class MysqlConformance : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const char* url = std::getenv(kMariadbUrl);
    if (!url) GTEST_SKIP() << kMariadbUrl << " names no server";
    subject_ = std::make_unique<MysqlSubject>(url, GetParam());
    suite_ = std::make_unique<Suite>(*subject_, Limits{.pairs = 5});
    trace_ = suite_->CleanRun();
  }
  void TearDown() override {
    if (!suite_) return;
    EXPECT_TRUE(suite_->failures().empty()) << Joined(suite_->failures(), "\n");
  }
  std::unique_ptr<MysqlSubject> subject_;
  std::unique_ptr<Suite> suite_;
  std::vector<std::string> trace_;
};

TEST_P(MysqlConformance, CrashAtEveryStep) {
  EXPECT_THAT(trace_, ::testing::Contains("store.save.after").Times(::testing::Ge(3)));
  suite_->CrashEverywhere();
}
TEST_P(MysqlConformance, Scar_20_LostReplies) { suite_->LoseReplies(); }
TEST_P(MysqlConformance, Scar_23_ZombiesAndLateCommits) { suite_->WakeZombies(); }
TEST_P(MysqlConformance, LostStores) { suite_->LoseStores(); }
TEST_P(MysqlConformance, RestoredStores) { suite_->RestoreOldStores(); }

INSTANTIATE_TEST_SUITE_P(, MysqlConformance, ::testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "staged" : "transactional");
});

}  // namespace
}  // namespace leat::conformance
