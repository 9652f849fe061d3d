#include "runtime/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "base/testing.h"
#include "conformance/memory_sink.h"
#include "conformance/memory_source.h"
#include "store/store.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = PipelineStats::State;

constexpr char kShard[] = "log";

// `n` transactions, the i-th with row i of table a and, each third, row i of b as well.
std::map<ShardId, std::vector<MemoryTransaction>> Transactions(int n) {
  std::vector<MemoryTransaction> all;
  for (int64_t i = 0; i < n; i++) {
    all.push_back({{"a", i}});
    if (i % 3 == 0) all.back().push_back({"b", i});
  }
  return {{kShard, all}};
}

class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *Store::Open(data_);
    settings_.name = "p";
    settings_.data = data_;
    settings_.policies.commit.every = std::chrono::hours(1);
    source_.ends = false;
  }
  void TearDown() override { store_.reset(); }

  void Use(int transactions) {
    log_ = std::make_unique<MemoryLog>(Transactions(transactions));
  }
  PipelineParts Parts() {
    PipelineParts parts;
    parts.source = [this](const Context&) -> Result<std::unique_ptr<Source>> {
      sources_++;
      began_.push_back(clock_.Now());
      if (sources_ <= unreachable_) return Status::Transient("nobody answers");
      return std::unique_ptr<Source>(new MemorySource(*log_, source_));
    };
    parts.sink = [this](const Context&) -> Result<std::unique_ptr<Sink>> {
      if (sink_.heartbeat.count() > 0) {
        return std::unique_ptr<Sink>(new MemoryTransactionalSink(target_, sink_));
      }
      return std::unique_ptr<Sink>(new MemoryStagedSink(target_, sink_));
    };
    return parts;
  }
  std::unique_ptr<Pipeline> Make() {
    return std::make_unique<Pipeline>(settings_, Parts(), *store_, clock_, logger_);
  }
  std::vector<int64_t> Rows(const std::string& table) {
    return target_.tables()[table].rows;
  }
  // Waits until `done` is true of the status.
  template <typename Done>
  void Await(const Pipeline& pipeline, Done done) {
    while (!done(pipeline.stats())) std::this_thread::sleep_for(Millis(2));
  }

  TestFolder folder_{"pipeline"};
  const fs::path data_ = folder_.path();
  std::unique_ptr<Store> store_;
  FakeClock clock_;
  Logger logger_{STDERR_FILENO, LogLevel::kError};
  PipelineSettings settings_;
  MemorySourceOptions source_;
  MemorySinkOptions sink_;
  std::unique_ptr<MemoryLog> log_;
  MemoryTarget target_;
  std::atomic<int> sources_{0};
  std::vector<SteadyTime> began_;  // each of them; while none is made
  int unreachable_ = 0;            // so many of the first cannot be made
};

TEST_F(PipelineTest, ReadsASourceToItsEnd) {
  Use(10);
  source_.ends = true;
  settings_.policies.commit.rows = 4;
  auto pipeline = Make();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(10));
  EXPECT_THAT(Rows("b"), ElementsAre(0, 3, 6, 9));
  PipelineStats stats = pipeline->stats();
  EXPECT_EQ(stats.state, State::kDone);
  EXPECT_EQ(stats.rows, 14);
  EXPECT_EQ(stats.rows_read, 14);
  EXPECT_EQ(stats.committed[kShard].text, "10");
  EXPECT_EQ(stats.retries, 0);
  EXPECT_EQ(log_->purged(kShard), 10);
  EXPECT_TRUE(target_.errors().empty());
}

TEST_F(PipelineTest, RowsCloseAnEpochAtABoundaryOnly) {
  Use(9);
  source_.ends = true;
  settings_.policies.commit.rows = 1;
  auto pipeline = Make();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(pipeline->stats().epochs, 9);
}

TEST_F(PipelineTest, UntilCaughtUpEndsWithASourceThatDoesNot) {
  Use(10);
  settings_.until_caught_up = true;
  auto pipeline = Make();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(10));
  // And again, with nothing to do.
  auto second = Make();
  ASSERT_TRUE(second->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(10));
  EXPECT_EQ(second->stats().rows, 0);
}

TEST_F(PipelineTest, TimeClosesAnEpochWithoutFurtherRows) {
  Use(5);
  settings_.policies.commit.every = std::chrono::seconds(1);
  auto pipeline = Make();
  std::thread runner([&] { EXPECT_TRUE(pipeline->Run().ok()); });
  Await(*pipeline, [&](const PipelineStats& s) { return s.rows_read == 7; });
  EXPECT_EQ(Rows("a").size(), 0u);
  clock_.Advance(std::chrono::seconds(2));
  Await(*pipeline, [&](const PipelineStats& s) { return s.rows == 7; });
  EXPECT_EQ(Rows("a"), UpTo(5));
  pipeline->Stop();
  runner.join();
}

TEST_F(PipelineTest, WhileCommitsAreSlowAnEpochTakesWhatIsThere) {
  Use(100);
  source_.ends = true;
  settings_.policies.commit.every = Millis(1);
  std::atomic<bool> all_read{false};
  source_.on_read = [&](int64_t position) { all_read = position >= 99; };
  sink_.on_write = [&] {
    while (!all_read) std::this_thread::sleep_for(Millis(1));
    clock_.Advance(Millis(1));
    return Status::Ok();
  };
  sink_.on_prepare = [&] { clock_.Advance(Millis(20)); };
  auto pipeline = Make();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(100));
  // Of 134 batches one goes alone, before a commit was slow.
  EXPECT_LE(pipeline->stats().epochs, 10);
}

TEST_F(PipelineTest, StopCommitsTheOpenEpoch) {
  Use(5);
  auto pipeline = Make();
  std::thread runner([&] { EXPECT_TRUE(pipeline->Run().ok()); });
  Await(*pipeline, [&](const PipelineStats& s) { return s.rows_read == 7; });
  pipeline->Stop();
  runner.join();
  EXPECT_EQ(Rows("a"), UpTo(5));
  EXPECT_EQ(pipeline->stats().state, State::kDone);
}

TEST_F(PipelineTest, StopNowLeavesTheOpenEpochToTheNextStart) {
  Use(5);
  auto pipeline = Make();
  std::thread runner([&] { EXPECT_TRUE(pipeline->Run().ok()); });
  Await(*pipeline, [&](const PipelineStats& s) { return s.rows_read == 7; });
  pipeline->StopNow();
  runner.join();
  EXPECT_EQ(Rows("a").size(), 0u);
  settings_.until_caught_up = true;
  ASSERT_TRUE(Make()->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(5));
}

TEST_F(PipelineTest, Scar_31_RetriesGoOnAndKeepTheirCause) {
  Use(30);
  source_.ends = true;
  source_.fail_after = 7;
  settings_.policies.commit.rows = 2;
  auto pipeline = Make();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(30));
  PipelineStats stats = pipeline->stats();
  EXPECT_GT(stats.retries, 3);
  EXPECT_EQ(stats.retries + 1, sources_);
  EXPECT_THAT(stats.last_error, HasSubstr("the server went away"));
  EXPECT_GT(stats.last_error_time, 0);
}

TEST_F(PipelineTest, GivesUpAfterAsManyRetriesWithoutProgress) {
  Use(30);
  settings_.policies.commit.rows = 2;
  settings_.policies.retry.max = 2;
  source_.fail_after = 7;
  source_.ends = true;
  ASSERT_TRUE(Make()->Run().ok());  // each attempt commits some
  EXPECT_GT(sources_, 3);
  source_.fail_after = 0;
  sources_ = 0;
  auto pipeline = Make();
  Status result = pipeline->Run();
  EXPECT_EQ(result.kind(), ErrorKind::kTransient);
  EXPECT_THAT(result.message(), HasSubstr("gave up after 2 retries"));
  EXPECT_EQ(sources_, 3);
  EXPECT_EQ(pipeline->stats().state, State::kFailed);
}

TEST_F(PipelineTest, AnOpenBreakerMakesNoAttempt) {
  Use(5);
  unreachable_ = 7;
  settings_.policies.retry = {.max = 6, .first = Millis(1), .longest = Millis(1)};
  settings_.policies.breaker = {.failures = 2, .recovery = Millis(60'000), .probes = 2};
  auto pipeline = Make();
  EXPECT_EQ(pipeline->Run().kind(), ErrorKind::kTransient);
  ASSERT_EQ(began_.size(), 7u);
  for (size_t i = 1; i < 7; i++) {
    const bool was_open = i % 2 == 0;  // two failures, two probes, two more
    EXPECT_EQ(began_[i] - began_[i - 1] >= std::chrono::seconds(60), was_open) << i;
  }
  EXPECT_EQ(pipeline->stats().source_breaker.opened, 3);
  EXPECT_EQ(pipeline->stats().source_breaker.state, BreakerState::kHalfOpen);
  EXPECT_EQ(pipeline->stats().sink_breaker.failures, 0);
  // It stays as it is for whoever runs it again, and one success closes it.
  unreachable_ = 0;
  source_.ends = true;
  pipeline->Rearm();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(pipeline->stats().source_breaker.state, BreakerState::kClosed);
  EXPECT_EQ(Rows("a"), UpTo(5));
}

TEST_F(PipelineTest, TheSinksFailuresAreTheSinks) {
  Use(10);
  source_.ends = true;
  settings_.policies.commit.rows = 2;
  settings_.policies.breaker.failures = 3;
  std::atomic<int> writes{0};
  sink_.on_write = [&] {
    return ++writes <= 4 ? Status::Transient("the disk is away") : Status::Ok();
  };
  auto pipeline = Make();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(10));
  const PipelineStats stats = pipeline->stats();
  EXPECT_EQ(stats.sink_breaker.opened, 1);
  EXPECT_EQ(stats.sink_breaker.state, BreakerState::kClosed);
  EXPECT_EQ(stats.source_breaker.opened, 0);
  EXPECT_EQ(stats.retries, 4);
  EXPECT_GE(began_[3] - began_[2], std::chrono::seconds(60));
}

TEST_F(PipelineTest, AnIdleSourceThatIsBackClosesItsBreaker) {
  Use(0);
  unreachable_ = 5;
  auto pipeline = Make();
  std::thread runner([&] { EXPECT_TRUE(pipeline->Run().ok()); });
  Await(*pipeline, [](const PipelineStats& s) { return s.state == State::kRunning; });
  EXPECT_EQ(pipeline->stats().source_breaker.state, BreakerState::kHalfOpen);
  clock_.Advance(std::chrono::seconds(60));
  Await(*pipeline, [](const PipelineStats& s) {
    return s.source_breaker.state == BreakerState::kClosed;
  });
  pipeline->Stop();
  runner.join();
}

TEST_F(PipelineTest, WhatARetryCannotMendStops) {
  Use(5);
  sink_.on_write = [] { return Status::Config("the warehouse is read-only"); };
  auto pipeline = Make();
  Status result = pipeline->Run();
  EXPECT_EQ(result.kind(), ErrorKind::kConfig);
  EXPECT_EQ(pipeline->stats().state, State::kFailed);
  EXPECT_THAT(pipeline->stats().last_error, HasSubstr("read-only"));
  EXPECT_EQ(sources_, 1);
}

TEST_F(PipelineTest, RefusedRowsBecomeDeadLettersOfTheirEpoch) {
  Use(10);
  source_.ends = true;
  sink_.refuses = [](int64_t id) { return id % 4 == 2; };
  auto pipeline = Make();
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_THAT(Rows("a"), ElementsAre(0, 1, 3, 4, 5, 7, 8, 9));
  auto letters = store_->ListDeadLetters("p", "", 10);
  ASSERT_EQ(letters->size(), 3u);
  EXPECT_EQ((*letters)[0].letter.row, "2");
  EXPECT_EQ((*letters)[0].letter.reason, "id refused");
  EXPECT_EQ((*letters)[0].letter.position.text, "3");
  EXPECT_EQ(pipeline->stats().dead_letters, 3);
}

TEST_F(PipelineTest, TooManyDeadLettersStopAndCommitNothing) {
  Use(10);
  source_.ends = true;
  sink_.refuses = [](int64_t id) { return id >= 5; };
  settings_.policies.max_dead_letters = 2;
  Status result = Make()->Run();
  EXPECT_EQ(result.kind(), ErrorKind::kConfig);
  EXPECT_THAT(result.message(), HasSubstr("3 rows were refused"));
  EXPECT_THAT(result.message(), HasSubstr("id refused"));
  EXPECT_EQ(Rows("a").size(), 0u);
  EXPECT_TRUE((*store_->ListDeadLetters("p", "", 10)).empty());
  // With the cause mended nothing is missing.
  sink_.refuses = nullptr;
  ASSERT_TRUE(Make()->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(10));
}

TEST_F(PipelineTest, AnEmptiedTargetIsNeverFilledFromTheMiddle) {
  Use(10);
  source_.ends = true;
  settings_.policies.commit.rows = 3;
  ASSERT_TRUE(Make()->Run().ok());
  MemoryTarget emptied;
  PipelineParts parts = Parts();
  parts.sink = [&](const Context&) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(new MemoryStagedSink(emptied, sink_));
  };
  for (int i = 0; i < 2; i++) {
    Status result = Pipeline(settings_, parts, *store_, clock_, logger_).Run();
    EXPECT_EQ(result.kind(), ErrorKind::kConfig);
    EXPECT_THAT(result.message(), HasSubstr("none of its tokens"));
  }
  EXPECT_EQ(emptied.commits(), 0);
}

TEST_F(PipelineTest, ResumeStopsWhereNobodyKnowsAPosition) {
  Use(4);
  source_.ends = true;
  settings_.resume = true;
  Status result = Make()->Run();
  EXPECT_EQ(result.kind(), ErrorKind::kConfig);
  EXPECT_THAT(result.message(), HasSubstr("--resume"));
  EXPECT_EQ(target_.commits(), 0);
  settings_.resume = false;
  ASSERT_TRUE(Make()->Run().ok());
  settings_.resume = true;
  ASSERT_TRUE(Make()->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(4));
}

TEST_F(PipelineTest, AResetStartsOver) {
  Use(10);
  source_.ends = true;
  source_.acks = false;
  settings_.policies.commit.rows = 4;
  ASSERT_TRUE(Make()->Run().ok());
  Must(store_->RequestReset("p", 1));
  ASSERT_TRUE(Make()->Run().ok());
  std::vector<int64_t> twice = UpTo(10);
  std::ranges::copy(UpTo(10), std::back_inserter(twice));
  EXPECT_EQ(Rows("a"), twice);
  // Once: the next start goes on.
  ASSERT_TRUE(Make()->Run().ok());
  EXPECT_EQ(Rows("a"), twice);
  // What would be an error of a pipeline that nobody reset.
  EXPECT_THAT(target_.errors(),
              ElementsAre(HasSubstr("token of a falls"), HasSubstr("token of b falls")));
}

TEST_F(PipelineTest, AResetFillsAnEmptiedTargetAnew) {
  Use(10);
  source_.ends = true;
  source_.acks = false;
  ASSERT_TRUE(Make()->Run().ok());
  MemoryTarget emptied;
  PipelineParts parts = Parts();
  parts.sink = [&](const Context&) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(new MemoryStagedSink(emptied, sink_));
  };
  Status refused = Pipeline(settings_, parts, *store_, clock_, logger_).Run();
  EXPECT_THAT(refused.message(), HasSubstr("leat reset p"));
  Must(store_->RequestReset("p", 1));
  ASSERT_TRUE(Pipeline(settings_, parts, *store_, clock_, logger_).Run().ok());
  EXPECT_EQ(emptied.tables()["a"].rows, UpTo(10));
  EXPECT_THAT(emptied.errors(), ElementsAre());
}

// Passes rows on and counts them by table; says how many at the end.
class CountStep final : public Step {
 public:
  explicit CountStep(std::map<std::string, std::string>* seen) : seen_(seen) {}
  Needs needs() const override { return {}; }
  std::string state() const override { return "count"; }
  Result<SchemaRef> Shape(const SchemaRef& input) override { return input; }
  Status Apply(Batch batch, StepContext& context) override {
    for (const Chunk& chunk : batch.chunks) {
      const std::string& table = chunk.schema->id.table;
      ASSIGN_OR_RETURN(std::optional<std::string> count, context.Get(table));
      const int64_t now = (count ? std::stoll(*count) : 0) + chunk.size();
      RETURN_IF_ERROR(context.Put(table, std::to_string(now)));
    }
    context.Emit(std::move(batch));
    return Status::Ok();
  }
  Status Finish(StepContext& context) override {
    seen_->clear();
    return context.Scan("", [&](std::string_view key, std::string_view value) {
      (*seen_)[std::string(key)] = value;
      return true;
    });
  }

 private:
  std::map<std::string, std::string>* const seen_;
};

class StatefulTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    Use(20);
    source_.ends = true;
    settings_.policies.commit.rows = 3;
  }
  Status Run() {
    PipelineParts parts = Parts();
    parts.steps = [this](const Context&) -> Result<std::vector<std::unique_ptr<Step>>> {
      std::vector<std::unique_ptr<Step>> steps;
      steps.push_back(std::make_unique<CountStep>(&seen_));
      return steps;
    };
    return Pipeline(settings_, parts, *store_, clock_, logger_).Run();
  }
  const std::map<std::string, std::string> all_{{"a", "20"}, {"b", "7"}};
  std::map<std::string, std::string> seen_;
};

TEST_F(StatefulTest, AnAbortedEpochTakesItsStateBack) {
  source_.fail_after = 5;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(20));
  EXPECT_EQ(seen_, all_);
  source_.fail_after = -1;
  seen_.clear();
  ASSERT_TRUE(Run().ok());  // and once more, from what was folded
  EXPECT_EQ(seen_, all_);
}

TEST_F(StatefulTest, AResetForgetsTheState) {
  source_.acks = false;
  ASSERT_TRUE(Run().ok());
  Must(store_->RequestReset("p", 1));
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(seen_, all_);  // of one reading, not of two
}

TEST_F(StatefulTest, AStoreBehindTheTargetIsNotGuessedAt) {
  ASSERT_TRUE(Run().ok());
  store_.reset();
  fs::remove_all(data_ / "store");
  store_ = *Store::Open(data_);
  Status result = Run();
  EXPECT_EQ(result.kind(), ErrorKind::kConfig);
  EXPECT_THAT(result.message(), HasSubstr("--new-state"));
  settings_.new_state = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(Rows("a"), UpTo(20));
}

TEST_F(PipelineTest, APositionThatOnlyMovesCostsTheSinkLittle) {
  std::vector<MemoryTransaction> log = {{{"a", 0}}, {}, {}, {}, {}};
  log_ = std::make_unique<MemoryLog>(
      std::map<ShardId, std::vector<MemoryTransaction>>{{kShard, log}});
  settings_.policies.commit.every = std::chrono::seconds(1);
  settings_.until_caught_up = true;
  auto pipeline = Make();
  // Each transaction is an epoch of its own: read once the one before is committed.
  source_.on_read = [&](int64_t at) {
    while (at > 0 && pipeline->stats().committed[kShard].text != std::to_string(at)) {
      clock_.Advance(std::chrono::seconds(11));
      for (int i = 0; i < 100; i++) {
        if (pipeline->stats().committed[kShard].text == std::to_string(at)) break;
        std::this_thread::sleep_for(Millis(4));
      }
    }
  };
  ASSERT_TRUE(pipeline->Run().ok());
  EXPECT_EQ(pipeline->stats().committed[kShard].text, "5");
  EXPECT_EQ(pipeline->stats().epochs, 5);
  EXPECT_EQ(target_.commits(), 2);     // epoch 0 and the row
  EXPECT_EQ(log_->purged(kShard), 1);  // what the sink does not hold may not go
}

// Time passes in steps of a second until `done`; answers how many.
template <typename Done>
int PassSeconds(FakeClock* clock, Done done) {
  int seconds = 0;
  for (; !done(); seconds++) {
    clock->Advance(std::chrono::seconds(1));
    std::this_thread::sleep_for(Millis(2));
  }
  return seconds;
}

TEST_F(PipelineTest, AnIdleSourceHasHeartbeatsCommitted) {
  Use(2);
  settings_.policies.commit.every = std::chrono::seconds(1);
  sink_.heartbeat = std::chrono::seconds(10);
  auto pipeline = Make();
  std::thread runner([&] { EXPECT_TRUE(pipeline->Run().ok()); });
  Await(*pipeline, [&](const PipelineStats& s) { return s.rows_read == 3; });
  const int seconds = PassSeconds(&clock_, [&] { return Rows("beats").size() >= 5; });
  EXPECT_EQ(Rows("a"), UpTo(2));
  EXPECT_LE(Rows("beats").size(), static_cast<size_t>(seconds / 10));
  pipeline->Stop();
  runner.join();
  EXPECT_EQ(Rows("beats"), UpTo(static_cast<int64_t>(Rows("beats").size())));
  EXPECT_TRUE(target_.errors().empty());
}

// Others' transactions are nothing to a followed table, and the log may go all the same.
TEST_F(PipelineTest, Scar_12_AHeartbeatTellsTheSinkOfAPositionThatOnlyMoves) {
  std::vector<MemoryTransaction> log = {{{"a", 0}}, {}, {}, {}, {}};
  log_ = std::make_unique<MemoryLog>(
      std::map<ShardId, std::vector<MemoryTransaction>>{{kShard, log}});
  settings_.policies.commit.every = std::chrono::seconds(1);
  settings_.policies.commit.rows = 1;
  sink_.heartbeat = std::chrono::seconds(2);
  auto pipeline = Make();
  std::thread runner([&] { EXPECT_TRUE(pipeline->Run().ok()); });
  PassSeconds(&clock_, [&] { return log_->purged(kShard) == 5; });
  pipeline->Stop();
  runner.join();
  EXPECT_FALSE(Rows("beats").empty());
  EXPECT_EQ(target_.tables()[MemoryTransactionalSink::kTokenTable].tokens[kShard].to.text,
            "5");
  // What is behind the position is gone, and a new machine goes on from the sink.
  store_.reset();
  fs::remove_all(data_ / "store");
  store_ = *Store::Open(data_);
  settings_.until_caught_up = true;
  ASSERT_TRUE(Make()->Run().ok());
  EXPECT_EQ(Rows("a"), UpTo(1));
}

// The position moved last long before the sink is to hear of it: it hears all the same.
TEST_F(PipelineTest, Scar_12_APositionThatStandsStillReachesTheSink) {
  std::vector<MemoryTransaction> log = {{{"a", 0}}, {}, {}};
  log_ = std::make_unique<MemoryLog>(
      std::map<ShardId, std::vector<MemoryTransaction>>{{kShard, log}});
  settings_.policies.commit.every = std::chrono::seconds(1);
  source_.on_read = [&](int64_t at) {
    while (at > 0 && Rows("a").empty()) std::this_thread::sleep_for(Millis(2));
  };
  auto pipeline = Make();
  std::thread runner([&] { EXPECT_TRUE(pipeline->Run().ok()); });
  PassSeconds(&clock_, [&] { return log_->purged(kShard) == 3; });
  pipeline->Stop();
  runner.join();
  EXPECT_TRUE(target_.errors().empty());
}

TEST_F(PipelineTest, Scar_31_HeartbeatsAreNoProgress) {
  Use(0);
  source_.fail_after = 1;  // after a wait
  settings_.policies.commit.every = std::chrono::seconds(1);
  settings_.policies.retry.max = 2;
  // To have run for so long would be progress.
  settings_.policies.breaker.recovery = std::chrono::hours(1'000'000);
  sink_.heartbeat = std::chrono::seconds(1);
  auto pipeline = Make();
  std::atomic<bool> over{false};
  Status result;
  std::thread runner([&] {
    result = pipeline->Run();
    over = true;
  });
  PassSeconds(&clock_, [&] { return over.load(); });
  runner.join();
  EXPECT_THAT(result.message(), HasSubstr("gave up after 2 retries"));
  EXPECT_EQ(sources_, 3);
  EXPECT_FALSE(Rows("beats").empty());
}

}  // namespace
}  // namespace leat
