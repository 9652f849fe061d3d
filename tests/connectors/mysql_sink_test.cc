// The suite on the MySQL sink, on real servers: LEAT_TEST_MARIADB_URL and
// LEAT_TEST_MYSQL_URL say where they are; a test without one is skipped and says so.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "conformance/memory_source.h"
#include "conformance/suite.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/sink/commit_table.h"
#include "core/config_reader.h"
#include "core/register_parts.h"

namespace leat::conformance {
namespace {

struct MysqlSetting {
  std::string name;
  std::string variable;  // of the environment, with the server's url
  std::string mode;
  int workers = 1;
};
void PrintTo(const MysqlSetting& setting, std::ostream* out) { *out << setting.name; }

const std::map<ShardId, std::vector<MemoryTransaction>> kMysqlLog = {
    {"s", {{{"a", 0}}, {{"a", 1}, {"b", 2}}, {}, {{"b", 3}}}}, {"t", {{{"b", 4}}}}};

class MysqlSinkSubject final : public Subject {
 public:
  explicit MysqlSinkSubject(MysqlSetting setting)
      : setting_(std::move(setting)),
        server_(std::getenv(setting_.variable.c_str())),
        database_(fmt::format("leat_trial_{}", getpid())) {
    RegisterParts(&registry_);
    client_ = Must(mysql::Client::Connect(Must(mysql::Url::Parse(server_))));
    const SinkType* type = registry_.FindSink("mysql");
    config_ = std::make_unique<Config>(Must(ParseConfig(
        type->spec, fmt::format("url: {}/{}?tls=off\nmode: {}\nworkers: {}\n", server_,
                                database_, setting_.mode, setting_.workers))));
    Reset();
  }
  ~MysqlSinkSubject() override { Must(client_->Execute("DROP DATABASE " + database_)); }

  void Reset() override {
    log_ = std::make_unique<MemoryLog>(kMysqlLog);
    // Branches that a run left hold their tables.
    for (const mysql::Row& row : Must(client_->Query("XA RECOVER"))) {
      const auto name = static_cast<size_t>(std::stoi(*row[1]));
      (void)client_->Execute(fmt::format("XA ROLLBACK '{}', '{}'",
                                         row[3]->substr(0, name), row[3]->substr(name)));
    }
    Must(client_->Execute("DROP DATABASE IF EXISTS " + database_));
    Must(client_->Execute("CREATE DATABASE " + database_));
  }

  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context&) -> Result<std::unique_ptr<Source>> {
      return std::unique_ptr<Source>(new MemorySource(*log_, {}));
    };
    parts.sink = [this](const Context& context) {
      return registry_.FindSink("mysql")->make(*config_, context);
    };
    return parts;
  }

  std::unique_ptr<mysql::Client> Connect() const {
    auto client = Must(mysql::Client::Connect(
        Must(mysql::Url::Parse(fmt::format("{}/{}?tls=off", server_, database_)))));
    Must(client->Execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"));
    return client;
  }

  // A sink with both shards.
  std::unique_ptr<Sink> OpenSink(const std::string& owner) {
    auto sink = Must(registry_.FindSink("mysql")->make(*config_, context_));
    Must(sink->Open({}));
    const std::vector<ShardId> shards = {"s", "t"};
    const std::vector<SinkTable> tables = {mysql::CommitTable::kName};
    Must(sink->GetTokens(shards, tables, Claim{owner, ""}));
    return sink;
  }

  // The first batch of the log that has rows.
  Batch FirstRows() {
    MemorySource source(*log_, {});
    Must(source.Open({}));
    for (const auto& [shard, transactions] : kMysqlLog) Must(source.Start(shard, {}));
    for (;;) {
      ReadResult read = Must(source.Read(SteadyTime::max()));
      if (read.kind == ReadResult::Kind::kBatch && read.batch.rows() > 0) {
        return std::move(read.batch);
      }
    }
  }

  CommitPolicy policy() const override {
    return {std::chrono::hours(1), 2, int64_t{1} << 30};
  }

  std::vector<std::string> Judge(Store& store, bool store_kept) override {
    std::map<std::string, std::vector<int64_t>> expected;
    for (const auto& [shard, transactions] : kMysqlLog) {
      for (const MemoryTransaction& transaction : transactions) {
        for (const MemoryChange& change : transaction) {
          expected[change.table].push_back(change.id);
        }
      }
    }
    std::vector<std::string> wrong;
    for (const auto& [table, ids] : expected) {
      std::vector<int64_t> rows;
      for (const mysql::Row& row : Must(client_->Query(
               fmt::format("SELECT id FROM {}.{} ORDER BY id", database_, table)))) {
        rows.push_back(std::stoll(*row[0]));
      }
      if (rows == ids) continue;
      wrong.push_back(fmt::format("table {} has rows [{}], expected [{}]", table,
                                  Joined(rows, " "), Joined(ids, " ")));
    }
    if (!Must(client_->Query("XA RECOVER")).empty()) {
      wrong.emplace_back("a prepared branch is left");
    }
    return wrong;
  }

  bool IsRequest(const std::string& failpoint) const override {
    return failpoint.starts_with("mysql.commit") ||
           failpoint.starts_with("mysql.branches.prepare");
  }

 private:
  const MysqlSetting setting_;
  const std::string server_;
  const std::string database_;
  Registry registry_;
  std::unique_ptr<mysql::Client> client_;
  std::unique_ptr<Config> config_;
  std::unique_ptr<MemoryLog> log_;
  FakeClock clock_;
  Logger logger_{STDERR_FILENO, LogLevel::kError};
  const CancelToken cancel_;
  const ProjectSettings project_;
  const Context context_{Suite::kPipeline, "",       clock_, logger_,
                         cancel_,          project_, nullptr};
};

class MysqlSinkConformance : public ::testing::TestWithParam<MysqlSetting> {
 protected:
  void SetUp() override {
    if (!std::getenv(GetParam().variable.c_str())) {
      GTEST_SKIP() << GetParam().variable << " names no server";
    }
    subject_ = std::make_unique<MysqlSinkSubject>(GetParam());
    suite_ = std::make_unique<Suite>(*subject_, Limits{.pairs = 5});
    suite_->CleanRun();
  }
  void TearDown() override {
    if (!suite_) return;
    EXPECT_TRUE(suite_->failures().empty()) << Joined(suite_->failures(), "\n");
  }
  std::unique_ptr<MysqlSinkSubject> subject_;
  std::unique_ptr<Suite> suite_;
};

TEST_P(MysqlSinkConformance, CleanRunPassesEveryDurableStep) {
  std::vector<std::string> wanted = {"mysql.commits.create", "mysql.claim.before",
                                     "mysql.claim.after",    "mysql.ddl.before",
                                     "mysql.ddl.after",      "mysql.commit.before",
                                     "mysql.commit.after"};
  if (GetParam().workers > 1) {
    for (const char* step : {"mysql.branches.announced", "mysql.branches.prepare",
                             "mysql.branches.prepared", "mysql.branches.committed"}) {
      wanted.emplace_back(step);
    }
  }
  const std::vector<std::string> trace = suite_->CleanRun();
  for (const std::string& step : wanted) {
    EXPECT_THAT(trace, ::testing::Contains(step));
  }
}
TEST_P(MysqlSinkConformance, CrashAtEveryStep) { suite_->CrashEverywhere(); }
TEST_P(MysqlSinkConformance, Scar_20_LostReplies) { suite_->LoseReplies(); }
TEST_P(MysqlSinkConformance, Scar_23_ZombiesAndLateCommits) { suite_->WakeZombies(); }
TEST_P(MysqlSinkConformance, LostStores) { suite_->LoseStores(); }
TEST_P(MysqlSinkConformance, RestoredStores) { suite_->RestoreOldStores(); }

// Rows that it wrote then would be locked by a process that no new owner looks for.
TEST_P(MysqlSinkConformance, Scar_23_WhoOwnsNoShardLocksNone) {
  const auto first = subject_->Connect();
  const auto second = subject_->Connect();
  const mysql::CommitTable commits("q", first->url().database, 1);
  const std::set<ShardId> both = {"s", "t"};
  for (const ShardId& shard : both) Must(commits.Claim(*first, shard, "first"));
  Must(commits.Claim(*second, "s", "second"));
  Must(first->Execute("START TRANSACTION"));
  EXPECT_THAT(Must(commits.Lock(*first, both, "first")), ::testing::ElementsAre("t"));
  // One's own is free to be locked, the other's is passed by without waiting.
  Must(second->Execute("START TRANSACTION"));
  EXPECT_THAT(Must(commits.Lock(*second, both, "second")), ::testing::ElementsAre("s"));
  Must(first->Execute("ROLLBACK"));
  Must(second->Execute("ROLLBACK"));
  Must(commits.Claim(*second, "t", "second"));
  EXPECT_TRUE(Must(commits.Lock(*first, both, "first")).empty());
  EXPECT_FALSE(Must(commits.Owns(*first, both, "first")));
}

// Its new owner takes the branches announced there for lost ones: they must not be
// decided by the tokens of the other shard.
TEST_P(MysqlSinkConformance, Scar_23_AShardClaimedBehindTheAnnouncementEndsTheEpoch) {
  subject_->Reset();
  const auto other = subject_->Connect();
  const auto sink = subject_->OpenSink("first");
  int claims = 0;
  failpoint::SetHook([&](std::string_view name) {
    if (name != "mysql.branches.announced") return Status::Ok();
    failpoint::ClearHook();
    claims++;
    // It has yet to look for the connections of the owner before.
    return other->Execute("UPDATE leat_commits SET owner = 'second' WHERE shard = 't'");
  });
  std::vector<DeadLetter> rejects;
  const Status written = sink->Write(subject_->FirstRows(), &rejects);
  failpoint::ClearHook();
  EXPECT_EQ(claims, GetParam().workers > 1);
  EXPECT_EQ(written.ok(), claims == 0) << written.message();
  Must(sink->Abort());
}

INSTANTIATE_TEST_SUITE_P(
    , MysqlSinkConformance,
    ::testing::Values(MysqlSetting{"maria_insert", "LEAT_TEST_MARIADB_URL", "insert"},
                      MysqlSetting{"maria_branches", "LEAT_TEST_MARIADB_URL", "insert",
                                   2},
                      MysqlSetting{"mysql_branches", "LEAT_TEST_MYSQL_URL", "insert", 2}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace leat::conformance
