// Several processes of one pipeline, each with a store of its own: shards are dealt among
// them, taken away and given to others while all of them commit to the same tables, and
// some of them are killed now and then.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/testing.h"
#include "conformance/memory_sink.h"
#include "conformance/memory_source.h"
#include "runtime/pipeline.h"
#include "store/store.h"

namespace leat {
namespace {

constexpr int kShards = 6;
constexpr int kTransactions = 40;
constexpr int kMembers = 3;
constexpr int kKills = 4;  // of each member
constexpr auto kHeartbeat = Micros(1000);

std::map<ShardId, std::vector<MemoryTransaction>> MakeLog() {
  std::map<ShardId, std::vector<MemoryTransaction>> log;
  for (int64_t shard = 0; shard < kShards; shard++) {
    auto& transactions = log[fmt::format("topic/{}", shard)];
    for (int64_t i = 0; i < kTransactions; i++) {
      const int64_t id = shard * 1000 + i;
      MemoryTransaction changes = {{"a", id}};
      if (i % 3 == 0) changes.push_back({"b", id});
      if (i % 7 == 6) changes.clear();
      transactions.push_back(changes);
    }
  }
  return log;
}

class Group {
 public:
  Group(bool staged, uint64_t seed) : staged_(staged), group_(log_, seed) {}

  void Run() {
    std::vector<std::thread> members;
    for (int i = 0; i < kMembers; i++) {
      members.emplace_back([this, i] { RunMember(i); });
    }
    // Time passes, so that there are heartbeats between the rows.
    std::atomic<bool> over{false};
    std::thread time([&] {
      for (; !over; std::this_thread::sleep_for(Millis(1))) clock_.Advance(kHeartbeat);
    });
    for (std::thread& member : members) member.join();
    over = true;
    time.join();
  }

  // Each shard's rows of each table stand there once and in order.
  void Judge() {
    for (const std::string& error : target_.errors()) ADD_FAILURE() << error;
    auto tables = target_.tables();
    EXPECT_EQ(tables["beats"].rows.empty(), staged_);
    for (const char* table : {"a", "b"}) {
      std::map<int64_t, std::vector<int64_t>> have;
      for (int64_t id : tables[table].rows) have[id / 1000].push_back(id);
      for (int64_t shard = 0; shard < kShards; shard++) {
        std::vector<int64_t> wanted;
        for (const auto& changes : log_.shards().at(fmt::format("topic/{}", shard))) {
          for (const MemoryChange& change : changes) {
            if (change.table == table) wanted.push_back(change.id);
          }
        }
        EXPECT_EQ(have[shard], wanted) << "shard " << shard << " of table " << table;
      }
    }
  }

 private:
  PipelineParts Parts() {
    PipelineParts parts;
    parts.source = [this](const Context&) -> Result<std::unique_ptr<Source>> {
      MemorySourceOptions options;
      options.group = &group_;
      return std::unique_ptr<Source>(new MemorySource(log_, options));
    };
    parts.sink = [this](const Context&) -> Result<std::unique_ptr<Sink>> {
      if (staged_) return std::unique_ptr<Sink>(new MemoryStagedSink(target_, {}));
      MemorySinkOptions options;
      options.heartbeat = kHeartbeat;
      return std::unique_ptr<Sink>(new MemoryTransactionalSink(target_, options));
    };
    return parts;
  }

  void RunMember(int member) {
    const std::string data = folder_ / fmt::format("member{}", member);
    auto store = Must(Store::Open(data));
    PipelineSettings settings;
    settings.name = "p";
    settings.data = data;
    settings.policies.commit = {std::chrono::hours(1), 5, int64_t{1} << 30};
    for (int life = 0; life <= kKills; life++) {
      Pipeline pipeline(settings, Parts(), *store, clock_, log_to_);
      std::atomic<bool> over{false};
      std::thread killer([&] {
        if (life == kKills) return;
        const int64_t until = target_.commits() + 2 + member;
        while (!over && target_.commits() < until) std::this_thread::yield();
        pipeline.StopNow();
      });
      const Status end = pipeline.Run();
      over = true;
      killer.join();
      EXPECT_TRUE(end.ok()) << end.ToString();
    }
  }

  const bool staged_;
  MemoryLog log_{MakeLog()};
  MemoryGroup group_;
  MemoryTarget target_;
  TestFolder folder_{"group"};
  FakeClock clock_;
  Logger log_to_{STDERR_FILENO, LogLevel::kError};
};

class GroupTest : public ::testing::TestWithParam<bool> {};

TEST_P(GroupTest, ShardsThatMoveBetweenProcessesLoseAndDoubleNothing) {
  for (uint64_t seed = 1; seed <= 8; seed++) {
    Group group(GetParam(), seed);
    group.Run();
    group.Judge();
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(, GroupTest, ::testing::Bool(), [](const auto& info) {
  return info.param ? "staged" : "transactional";
});

}  // namespace
}  // namespace leat
