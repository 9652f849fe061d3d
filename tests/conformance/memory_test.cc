// The suite on parts in memory: the runtime itself is on trial.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/text.h"
#include "conformance/memory_sink.h"
#include "conformance/memory_source.h"
#include "conformance/suite.h"

namespace leat::conformance {
namespace {

using Log = std::map<ShardId, std::vector<MemoryTransaction>>;

struct Setting {
  std::string name;
  Log log;
  bool staged = true;
  int64_t rows = 3;  // of an epoch
  bool latest = false;
  bool knows_tables = true;
  bool disturbed = false;  // others commit to its tables
  bool rewritten = false;  // others rewrite what is staged
  bool refuses = false;    // some rows become dead letters
  bool dealt = false;      // shards come and go
};
void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }

class MemorySubject final : public Subject {
 public:
  explicit MemorySubject(Setting setting) : setting_(std::move(setting)) { Reset(); }

  void Reset() override {
    log_ = std::make_unique<MemoryLog>(setting_.log, setting_.latest);
    target_ = std::make_unique<MemoryTarget>();
    group_ = std::make_unique<MemoryGroup>(*log_, 7);
    if (setting_.disturbed) target_->Disturb(3);
    if (setting_.rewritten) target_->Rewrite(3);
  }

  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context&) -> Result<std::unique_ptr<Source>> {
      MemorySourceOptions options;
      options.knows_tables = setting_.knows_tables;
      // Who loses the store and does not know its tables has to read from the start.
      options.acks = setting_.knows_tables;
      if (setting_.dealt) options.group = group_.get();
      return std::unique_ptr<Source>(new MemorySource(*log_, options));
    };
    parts.sink = [this](const Context&) -> Result<std::unique_ptr<Sink>> {
      MemorySinkOptions options;
      if (setting_.refuses) options.refuses = Refused;
      if (setting_.staged) {
        return std::unique_ptr<Sink>(new MemoryStagedSink(*target_, options));
      }
      return std::unique_ptr<Sink>(new MemoryTransactionalSink(*target_, options));
    };
    return parts;
  }

  CommitPolicy policy() const override {
    return {std::chrono::hours(1), setting_.rows, int64_t{1} << 30};
  }

  std::vector<std::string> Judge(Store& store, bool store_kept) override {
    std::vector<std::string> wrong = target_->errors();
    auto tables = target_->tables();
    auto starts = target_->starts();
    std::multiset<std::string> letters;
    std::map<std::string, size_t> expected;
    for (const auto& [shard, transactions] : setting_.log) {
      bool later = setting_.latest && starts.contains(shard);
      size_t first = later ? std::stoull(starts.at(shard).text) : 0;
      std::map<std::string, std::vector<int64_t>> ids;
      for (size_t i = first; i < transactions.size(); i++) {
        for (const MemoryChange& change : transactions[i]) {
          if (setting_.refuses && Refused(change.id)) {
            letters.insert(std::to_string(change.id));
          } else {
            ids[change.table].push_back(change.id);
          }
        }
      }
      for (const auto& [table, wanted] : ids) {
        expected[table] += wanted.size();
        JudgeShard(table, wanted, tables[table].rows, &wrong);
      }
    }
    for (const auto& [table, count] : expected) {
      if (tables[table].rows.size() == count) continue;
      wrong.push_back(fmt::format("table {} has {} rows, expected {}", table,
                                  tables[table].rows.size(), count));
    }
    if (store_kept) JudgeLetters(store, letters, &wrong);
    return wrong;
  }

  bool IsRequest(const std::string& failpoint) const override {
    return failpoint.starts_with("memory.commit") ||
           failpoint.starts_with("epoch.commit");
  }

 private:
  // Within a shard rows stand in order; between shards there is none.
  static void JudgeShard(const std::string& table, const std::vector<int64_t>& ids,
                         std::vector<int64_t> rows, std::vector<std::string>* wrong) {
    std::erase_if(rows,
                  [&](int64_t id) { return std::ranges::find(ids, id) == ids.end(); });
    if (rows == ids) return;
    wrong->push_back(fmt::format("table {} has rows [{}], expected [{}]", table,
                                 Joined(rows, " "), Joined(ids, " ")));
  }
  static bool Refused(int64_t id) { return id % 5 == 3; }
  static void JudgeLetters(Store& store, const std::multiset<std::string>& expected,
                           std::vector<std::string>* wrong) {
    auto page = store.ListDeadLetters(Suite::kPipeline, "", 1000);
    std::multiset<std::string> letters;
    for (const StoredDeadLetter& d : *page) letters.insert(d.letter.row);
    if (letters == expected) return;
    wrong->push_back(fmt::format("dead letters are [{}], expected [{}]",
                                 Joined(letters, " "), Joined(expected, " ")));
  }

  const Setting setting_;
  std::unique_ptr<MemoryLog> log_;
  std::unique_ptr<MemoryGroup> group_;
  std::unique_ptr<MemoryTarget> target_;
};

// Eight transactions over three tables; ids rise, and no two rows have the same one.
std::vector<MemoryTransaction> Mixed(int64_t id) {
  return {{{"a", id}},
          {{"b", id + 1}, {"c", id + 2}},
          {{"a", id + 3}, {"b", id + 4}},
          {},
          {{"c", id + 5}},
          {{"a", id + 6}, {"b", id + 7}, {"c", id + 8}},
          {{"a", id + 9}},
          {{"b", id + 10}}};
}

// Shards that come and go cost many more durable steps each, so there is less in them.
Log Dealt() {
  return {{"s", {{{"a", 1}}, {{"a", 2}, {"b", 3}}, {}, {{"b", 4}}}},
          {"t", {{{"b", 101}, {"a", 102}}, {{"a", 103}}, {}}},
          {"u", {}}};
}

class MemoryConformance : public ::testing::TestWithParam<Setting> {
 protected:
  void TearDown() override {
    EXPECT_TRUE(suite_.failures().empty()) << Joined(suite_.failures(), "\n");
    EXPECT_GT(suite_.runs(), 0);
  }
  MemorySubject subject_{GetParam()};
  Suite suite_{subject_, {.pairs = 40}};
};

TEST_P(MemoryConformance, CleanRunPassesEveryDurableStep) {
  std::vector<std::string> trace = suite_.CleanRun();
  for (const char* step :
       {"store.begin.before", "store.begin.after", "epoch.prepared", "store.save.before",
        "store.save.after", "epoch.commit.before", "epoch.commit.after",
        "store.fold.before", "store.fold.after", "epoch.acked"}) {
    EXPECT_THAT(trace, ::testing::Contains(step));
  }
}

TEST_P(MemoryConformance, CrashAtEveryStep) {
  suite_.CleanRun();
  suite_.CrashEverywhere();
}
TEST_P(MemoryConformance, Scar_20_LostReplies) {
  suite_.CleanRun();
  suite_.LoseReplies();
}
TEST_P(MemoryConformance, Scar_23_ZombiesAndLateCommits) {
  suite_.CleanRun();
  suite_.WakeZombies();
}
TEST_P(MemoryConformance, LostStores) {
  suite_.CleanRun();
  suite_.LoseStores();
}
TEST_P(MemoryConformance, RestoredStores) {
  suite_.CleanRun();
  suite_.RestoreOldStores();
}

INSTANTIATE_TEST_SUITE_P(
    , MemoryConformance,
    ::testing::Values(
        Setting{.name = "staged", .log = {{"s", Mixed(0)}}},
        Setting{.name = "staged_latest", .log = {{"s", Mixed(0)}}, .latest = true},
        Setting{
            .name = "staged_announced", .log = {{"s", Mixed(0)}}, .knows_tables = false},
        Setting{.name = "staged_disturbed", .log = {{"s", Mixed(0)}}, .disturbed = true},
        Setting{.name = "staged_rewritten", .log = {{"s", Mixed(0)}}, .rewritten = true},
        Setting{.name = "staged_refusing", .log = {{"s", Mixed(0)}}, .refuses = true},
        Setting{.name = "staged_shards", .log = {{"s", Mixed(0)}, {"t", Mixed(100)}}},
        Setting{.name = "transactional", .log = {{"s", Mixed(0)}}, .staged = false},
        Setting{.name = "transactional_refusing",
                .log = {{"s", Mixed(0)}},
                .staged = false,
                .refuses = true},
        Setting{.name = "transactional_shards",
                .log = {{"s", Mixed(0)}, {"t", Mixed(100)}},
                .staged = false},
        Setting{.name = "staged_dealt", .log = Dealt(), .dealt = true},
        Setting{.name = "transactional_dealt",
                .log = Dealt(),
                .staged = false,
                .dealt = true}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace leat::conformance
