// The manager on parts in memory.
#include "runtime/manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "base/testing.h"
#include "conformance/memory_sink.h"
#include "conformance/memory_source.h"
#include "store/store.h"

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = PipelineStats::State;

// What one pipeline reads and writes.
struct Outside {
  explicit Outside(int64_t rows) {
    std::vector<MemoryTransaction> all;
    for (int64_t i = 0; i < rows; i++) all.push_back({{"t", i}});
    log = std::make_unique<MemoryLog>(
        std::map<ShardId, std::vector<MemoryTransaction>>{{"log", all}});
  }

  std::unique_ptr<MemoryLog> log;
  MemoryTarget target;
  MemorySourceOptions source;
  MemorySinkOptions sink;
  // As MemorySinkOptions has it, for a sink that looks whether it should leave.
  std::function<Status(const Context& context)> on_write;
  std::atomic<int> made{0};  // sources
};

class ManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    project_.settings.data = folder_.path();
    store_ = Must(Store::Open(folder_.path()));
    SourceType source;
    source.spec = {"memory", "Reads.", {}, ""};
    source.make = [this](const Config&,
                         const Context& context) -> Result<std::unique_ptr<Source>> {
      Outside& outside = *outside_.at(context.pipeline);
      outside.made++;
      return std::unique_ptr<Source>(new MemorySource(*outside.log, outside.source));
    };
    registry_.Add(std::move(source));
    SinkType sink;
    sink.spec = {"memory", "Writes.", {}, ""};
    sink.make = [this](const Config&,
                       const Context& context) -> Result<std::unique_ptr<Sink>> {
      Outside& outside = *outside_.at(context.pipeline);
      MemorySinkOptions options = outside.sink;
      if (outside.on_write) {
        options.on_write = [&] { return outside.on_write(context); };
      }
      return std::unique_ptr<Sink>(new MemoryStagedSink(outside.target, options));
    };
    registry_.Add(std::move(sink));
  }
  void TearDown() override { manager_.reset(); }

  // A pipeline of 10 rows in this project, which waits for more at its end.
  Outside& Add(const std::string& name) {
    PipelineFile file;
    file.name = name;
    file.file = name + ".yaml";
    file.from.name = "memory";
    file.to.name = "memory";
    file.policies.commit.rows = 5;
    project_.pipelines.push_back(std::move(file));
    outside_[name] = std::make_unique<Outside>(10);
    outside_[name]->source.ends = false;
    return *outside_[name];
  }
  void Make() {
    manager_ =
        Must(Manager::Make(project_, {registry_, *store_, clock_, logger_, options_}));
    manager_->StartAll();
  }
  PipelineView View(const std::string& name) { return *manager_->View(name); }
  template <typename Done>
  void Await(const std::string& name, Done done) {
    while (!done(View(name).stats)) std::this_thread::sleep_for(Millis(2));
  }
  void AwaitState(const std::string& name, State state) {
    Await(name, [&](const PipelineStats& stats) { return stats.state == state; });
  }
  void AwaitRows(const std::string& name, int64_t rows) {
    Await(name, [&](const PipelineStats& stats) { return stats.rows == rows; });
  }
  // Lets time pass until then.
  template <typename Done>
  void AdvanceUntil(const std::string& name, Done done) {
    while (!done(View(name))) {
      clock_.Advance(std::chrono::seconds(1));
      std::this_thread::sleep_for(Millis(2));
    }
  }
  std::vector<int64_t> Rows(const std::string& name) {
    return outside_.at(name)->target.tables()["t"].rows;
  }

  TestFolder folder_{"manager"};
  FakeClock clock_;
  Logger logger_{STDERR_FILENO, LogLevel::kError};
  std::map<std::string, std::unique_ptr<Outside>> outside_;
  Registry registry_;
  std::unique_ptr<Store> store_;
  Project project_;
  ManagerOptions options_;
  std::unique_ptr<Manager> manager_;
};

TEST_F(ManagerTest, RunsAllToTheirEnds) {
  Add("a").source.ends = true;
  Add("b").source.ends = true;
  Make();
  manager_->Wait();
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(Rows(name), UpTo(10));
    const PipelineView view = View(name);
    EXPECT_EQ(view.stats.state, State::kDone);
    EXPECT_EQ(view.stats.rows, 10);
    EXPECT_EQ(view.source, "memory");
    ASSERT_EQ(view.workers.size(), 1u);
    EXPECT_EQ(view.workers[0].name, name);
  }
  EXPECT_THAT(manager_->Ends(), ElementsAre(testing::Property(&Status::ok, true),
                                            testing::Property(&Status::ok, true)));
}

TEST_F(ManagerTest, StopsAndStartsOneOfThem) {
  Add("a");
  Add("b");
  Make();
  AwaitRows("a", 10);
  AwaitRows("b", 10);
  Must(manager_->Stop("a"));
  AwaitState("a", State::kStopped);
  EXPECT_EQ(View("b").stats.state, State::kRunning);
  Must(manager_->Start("a"));
  AwaitState("a", State::kRunning);
  EXPECT_EQ(outside_["a"]->made, 2);
  EXPECT_EQ(View("a").stats.rows, 10);  // of both lives
  EXPECT_EQ(Rows("a"), UpTo(10));
  manager_->StopAll();
  manager_->Wait();
  EXPECT_EQ(View("b").stats.state, State::kStopped);
  EXPECT_THAT(manager_->Start("a").message(), HasSubstr("about to end"));
}

TEST_F(ManagerTest, APauseIsWaitedForAndAStopIsNot) {
  Add("a");
  Make();
  AwaitRows("a", 10);
  Must(manager_->Pause("a"));
  AwaitState("a", State::kPaused);
  std::atomic<bool> over{false};
  std::thread waiting([&] {
    manager_->Wait();
    over = true;
  });
  Must(manager_->Resume("a"));
  AwaitState("a", State::kRunning);
  EXPECT_FALSE(over);
  Must(manager_->Stop("a"));
  waiting.join();
  EXPECT_EQ(View("a").stats.state, State::kStopped);
}

TEST_F(ManagerTest, WhatComesWhileItEndsIsNotLost) {
  Add("a");
  Make();
  for (int i = 0; i < 20; i++) {
    Must(manager_->Stop("a"));
    if (i % 2 == 0) Must(manager_->Pause("a"));
    Must(manager_->Start("a"));
  }
  AwaitState("a", State::kRunning);
  AwaitRows("a", 10);
  EXPECT_EQ(Rows("a"), UpTo(10));
}

TEST_F(ManagerTest, RestartsOneThatRunsAndOneThatFailed) {
  Add("a");
  Outside& b = Add("b");
  std::atomic<bool> broken{true};
  b.sink.on_write = [&] {
    return broken ? Status::Config("the warehouse is read-only") : Status::Ok();
  };
  Make();
  AwaitRows("a", 10);
  AwaitState("b", State::kFailed);
  EXPECT_THAT(View("b").why, HasSubstr("read-only"));
  broken = false;
  Must(manager_->Restart("a"));
  Must(manager_->Restart("b"));
  AwaitState("b", State::kRunning);
  AwaitRows("b", 10);
  while (outside_["a"]->made < 2) std::this_thread::yield();
  AwaitState("a", State::kRunning);
  EXPECT_EQ(Rows("a"), UpTo(10));
  EXPECT_EQ(Rows("b"), UpTo(10));
  manager_.reset();  // it borrows what stands here
}

TEST_F(ManagerTest, OneThatRunsIsNotReset) {
  Add("a").source.acks = false;
  Make();
  AwaitRows("a", 10);
  EXPECT_THAT(manager_->Reset("a").message(), HasSubstr("leat stop a first"));
  Must(manager_->Stop("a"));
  AwaitState("a", State::kStopped);
  Must(manager_->Reset("a"));
  Must(manager_->Start("a"));
  AwaitRows("a", 20);
}

TEST_F(ManagerTest, AnUnknownNameGetsThoseThereAre) {
  Add("a");
  Add("b");
  Make();
  const Status status = manager_->Stop("c");
  EXPECT_EQ(status.kind(), ErrorKind::kConfig);
  EXPECT_THAT(status.message(), HasSubstr("there is no pipeline \"c\""));
  EXPECT_THAT(status.message(), HasSubstr("there are: a, b"));
  EXPECT_FALSE(manager_->View("c"));
}

TEST_F(ManagerTest, AReloadTouchesWhatChangedAlone) {
  Add("a");
  Add("b");
  Add("c");
  Make();
  for (const char* name : {"a", "b", "c"}) AwaitRows(name, 10);
  Must(manager_->Pause("c"));
  AwaitState("c", State::kPaused);
  Add("d");
  project_.pipelines[1].policies.commit.rows = 3;        // b
  project_.pipelines[2].policies.retry.max = 1;          // c
  project_.pipelines.erase(project_.pipelines.begin());  // a
  const Reloaded done = Must(manager_->Reload(project_));
  EXPECT_THAT(done.started, ElementsAre("d"));
  EXPECT_THAT(done.restarted, ElementsAre("b", "c"));
  EXPECT_THAT(done.stopped, ElementsAre("a"));
  AwaitRows("d", 10);
  while (manager_->View("a")) std::this_thread::yield();
  while (outside_["b"]->made < 2) std::this_thread::yield();
  AwaitState("b", State::kRunning);
  AwaitState("c", State::kPaused);  // as somebody wanted it
  EXPECT_EQ(outside_["c"]->made, 1);
  EXPECT_EQ(outside_["a"]->made, 1);
  // And once more, with nothing to do.
  const Reloaded none = Must(manager_->Reload(project_));
  EXPECT_TRUE(none.started.empty() && none.restarted.empty() && none.stopped.empty());
  EXPECT_EQ(outside_["b"]->made, 2);
  EXPECT_EQ(Rows("b"), UpTo(10));
}

TEST_F(ManagerTest, AReloadThatCannotBeChangesNothing) {
  Add("a");
  Make();
  AwaitRows("a", 10);
  project_.pipelines[0].policies.commit.rows = 3;
  project_.settings.data /= "elsewhere";
  auto moved = manager_->Reload(project_);
  ASSERT_FALSE(moved.ok());
  EXPECT_THAT(moved.status().message(), HasSubstr("\"data\" cannot change"));
  EXPECT_EQ(View("a").stats.state, State::kRunning);
  EXPECT_EQ(outside_["a"]->made, 1);
}

TEST_F(ManagerTest, WhatASettingOfAllTouchesRestartsAll) {
  Add("a");
  Make();
  AwaitRows("a", 10);
  project_.settings.topics["orders"].partitions = 3;
  EXPECT_THAT(Must(manager_->Reload(project_)).restarted, ElementsAre("a"));
  while (outside_["a"]->made < 2) std::this_thread::yield();
  AwaitState("a", State::kRunning);
}

TEST_F(ManagerTest, APipelineThatIsGoneAndComesBackRunsOnce) {
  Add("a");
  Make();
  AwaitRows("a", 10);
  Project without = project_;
  without.pipelines.clear();
  Must(manager_->Reload(without));
  Must(manager_->Reload(project_));
  while (outside_["a"]->made < 2) std::this_thread::yield();
  AwaitState("a", State::kRunning);
  EXPECT_EQ(Rows("a"), UpTo(10));
  EXPECT_EQ(manager_->Views().size(), 1u);
}

class SupervisedTest : public ManagerTest {
 protected:
  void SetUp() override {
    ManagerTest::SetUp();
    options_.supervised = true;
  }
};

TEST_F(SupervisedTest, WhatIsMendedRunsByItself) {
  std::atomic<bool> granted{false};
  Add("a").sink.on_write = [&] {
    return granted ? Status::Ok() : Status::Config("INSERT is not granted");
  };
  Make();
  AdvanceUntil("a", [](const PipelineView& view) { return view.restarts >= 2; });
  granted = true;
  AdvanceUntil("a", [](const PipelineView& view) {
    return view.stats.state == State::kRunning && view.stats.rows == 10;
  });
  EXPECT_EQ(Rows("a"), UpTo(10));
  EXPECT_EQ(View("a").why, "");
  EXPECT_THAT(View("a").stats.last_error, HasSubstr("not granted"));
  manager_.reset();  // it borrows what stands here
}

TEST_F(SupervisedTest, GivesUpAndSaysWhatToDo) {
  Outside& a = Add("a");
  a.sink.on_write = [] { return Status::Config("the warehouse is read-only"); };
  project_.pipelines[0].policies.restart.max = 2;
  Add("b");
  Make();
  AdvanceUntil(
      "a", [](const PipelineView& view) { return view.stats.state == State::kFailed; });
  EXPECT_EQ(a.made, 3);
  EXPECT_THAT(View("a").why, HasSubstr("read-only; gave up after 2 restarts; change"));
  AwaitState("b", State::kRunning);
  // By hand it begins anew.
  Must(manager_->Start("a"));
  AdvanceUntil(
      "a", [](const PipelineView& view) { return view.stats.state == State::kFailed; });
  EXPECT_EQ(a.made, 6);
  EXPECT_EQ(View("a").restarts, 4);
}

TEST_F(SupervisedTest, IsOverOnceAllHaveFailed) {
  for (const char* name : {"a", "b"}) {
    Add(name).sink.on_write = [] { return Status::Config("read-only"); };
    project_.pipelines.back().policies.restart.max = 1;
  }
  Make();
  std::atomic<bool> over{false};
  std::thread time([&] {
    while (!over) {
      clock_.Advance(std::chrono::seconds(1));
      std::this_thread::sleep_for(Millis(2));
    }
  });
  manager_->Wait();
  over = true;
  time.join();
  for (const Status& end : manager_->Ends()) EXPECT_EQ(end.kind(), ErrorKind::kConfig);
  EXPECT_EQ(View("a").stats.state, State::kFailed);
  EXPECT_EQ(View("b").restarts, 1);
}

TEST_F(SupervisedTest, AFencedOneStaysDown) {
  Outside& a = Add("a");
  a.sink.on_write = [] { return Status::Fenced("somebody else has the shard"); };
  Make();
  AwaitState("a", State::kFailed);
  EXPECT_EQ(a.made, 1);
  EXPECT_THAT(View("a").why, HasSubstr("another process runs this pipeline"));
}

TEST_F(SupervisedTest, OneThatWaitsForItsRestartStopsAndPauses) {
  Add("a").sink.on_write = [] { return Status::Config("read-only"); };
  Make();
  Await("a", [](const PipelineStats& s) { return s.state == State::kRetrying; });
  EXPECT_THAT(View("a").why, HasSubstr("restart 1 of 10: read-only"));
  Must(manager_->Pause("a"));
  AwaitState("a", State::kPaused);
  clock_.Advance(std::chrono::hours(1));
  Must(manager_->Stop("a"));
  AwaitState("a", State::kStopped);
  EXPECT_EQ(outside_["a"]->made, 1);
}

TEST_F(SupervisedTest, Scar_31_OneThatStandsStillIsStartedAnew) {
  Outside& a = Add("a");
  std::atomic<bool> hangs{true};
  a.on_write = [&](const Context& context) {
    if (!hangs) return Status::Ok();
    (void)context.cancel.WaitFor(std::chrono::hours(1));
    return Status::Cancelled("asked to leave");
  };
  Make();
  Await("a", [](const PipelineStats& s) { return s.uncommitted > 0; });
  EXPECT_EQ(View("a").stats.state, State::kRunning);
  AdvanceUntil(
      "a", [](const PipelineView& view) { return view.stats.state == State::kStalled; });
  AdvanceUntil("a", [](const PipelineView& view) { return view.restarts == 1; });
  hangs = false;
  AdvanceUntil("a", [](const PipelineView& view) { return view.stats.rows == 10; });
  EXPECT_EQ(Rows("a"), UpTo(10));
  EXPECT_THAT(View("a").stats.last_error, HasSubstr("it stands still"));
  manager_.reset();  // it borrows what stands here
}

TEST_F(ManagerTest, WorkersAreOnePipeline) {
  SourceType two;
  two.spec = {"two", "Reads.", {}, ""};
  two.workers = [](const Config&) { return 2; };
  two.make = registry_.FindSource("memory")->make;
  registry_.Add(std::move(two));
  Outside& a = Add("a");
  MemoryGroup group(*a.log, 7);
  a.source.group = &group;
  project_.pipelines[0].from.name = "two";
  Make();
  manager_->Wait();
  const PipelineView view = View("a");
  ASSERT_EQ(view.workers.size(), 2u);
  EXPECT_EQ(view.workers[1].name, "a#1");
  EXPECT_EQ(view.stats.rows, view.workers[0].stats.rows + view.workers[1].stats.rows);
  EXPECT_EQ(view.stats.state, State::kDone);
  std::vector<int64_t> rows = Rows("a");
  std::ranges::sort(rows);
  EXPECT_EQ(rows, UpTo(10));
  manager_.reset();  // it borrows the group
}

}  // namespace
}  // namespace leat
