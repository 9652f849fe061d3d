#include "runtime/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leat {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;
using State = PipelineStats::State;

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    stats_.state = State::kRunning;
    supervisor_.Started(clock_.Now());
  }
  std::optional<std::string> LookAfter(std::chrono::nanoseconds time) {
    clock_.Advance(time);
    return supervisor_.Look(clock_.Now(), stats_);
  }
  // Looks on for as long, as often as the manager does.
  void Watch(std::chrono::nanoseconds time) {
    for (auto done = seconds(0); done < time; done += seconds(30)) {
      ASSERT_EQ(LookAfter(seconds(30)), std::nullopt);
    }
  }

  FakeClock clock_;
  const RestartPolicy policy_{};
  Supervisor supervisor_{policy_, seconds(1), 7};
  PipelineStats stats_;
};

TEST_F(SupervisorTest, RestartsWithWaitsThatGrow) {
  std::chrono::nanoseconds longest{0};
  for (int64_t i = 1; i <= policy_.max; i++) {
    const auto decision = supervisor_.Ended(Status::Transient("the server went away"));
    ASSERT_TRUE(decision.restart_in);
    EXPECT_LE(*decision.restart_in, policy_.longest);
    longest = std::max(longest, *decision.restart_in);
    EXPECT_THAT(decision.why, HasSubstr("restart " + std::to_string(i) + " of 10"));
    EXPECT_THAT(decision.why, HasSubstr("the server went away"));
    supervisor_.Started(clock_.Now());
  }
  EXPECT_GT(longest, policy_.first);
  EXPECT_EQ(supervisor_.restarts(), 10);
  const auto last = supervisor_.Ended(Status::Transient("the server went away"));
  EXPECT_FALSE(last.restart_in);
  EXPECT_THAT(last.why, HasSubstr("the server went away; gave up after 10 restarts"));
  EXPECT_THAT(last.why, HasSubstr("leat restart"));
}

// A privilege may be granted meanwhile.
TEST_F(SupervisorTest, WhatAUserMayMendIsTriedAgain) {
  EXPECT_TRUE(supervisor_.Ended(Status::Config("GRANT SELECT is missing")).restart_in);
  EXPECT_TRUE(supervisor_.Ended(Status::Bug("a batch before any shard")).restart_in);
  EXPECT_TRUE(supervisor_.Ended(Status::UnknownOutcome("no reply")).restart_in);
}

TEST_F(SupervisorTest, AFencedOneDoesNotFight) {
  const auto decision = supervisor_.Ended(Status::Fenced("somebody else has the shard"));
  EXPECT_FALSE(decision.restart_in);
  EXPECT_THAT(decision.why, HasSubstr("somebody else has the shard"));
  EXPECT_THAT(decision.why, HasSubstr("another process runs this pipeline"));
  EXPECT_THAT(decision.why, Not(HasSubstr("gave up after")));
  EXPECT_EQ(supervisor_.restarts(), 0);
}

TEST_F(SupervisorTest, AHealthyRunMakesTheCountBeginAnew) {
  for (int i = 0; i < 9; i++) (void)supervisor_.Ended(Status::Transient("away"));
  supervisor_.Started(clock_.Now());
  Watch(minutes(9));
  EXPECT_THAT(supervisor_.Ended(Status::Transient("away")).why, HasSubstr("10 of 10"));
  supervisor_.Started(clock_.Now());
  Watch(minutes(11));
  EXPECT_THAT(supervisor_.Ended(Status::Transient("away")).why, HasSubstr("1 of 10"));
  EXPECT_EQ(supervisor_.restarts(), 11);
}

TEST_F(SupervisorTest, OneThatRetriesIsNotHealthy) {
  (void)supervisor_.Ended(Status::Transient("away"));
  supervisor_.Started(clock_.Now());
  Watch(minutes(9));
  stats_.state = State::kRetrying;
  Watch(seconds(30));
  stats_.state = State::kRunning;
  Watch(minutes(9));
  EXPECT_THAT(supervisor_.Ended(Status::Transient("away")).why, HasSubstr("2 of 10"));
}

TEST_F(SupervisorTest, WhoStartsByHandForgets) {
  for (int i = 0; i < 11; i++) (void)supervisor_.Ended(Status::Transient("away"));
  supervisor_.Forget();
  EXPECT_TRUE(supervisor_.Ended(Status::Transient("away")).restart_in);
}

TEST_F(SupervisorTest, Scar_31_RunningWithWorkAndNothingMoves) {
  stats_.lag.bytes = 1000;
  Watch(minutes(4));
  const auto reason = LookAfter(seconds(61));
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, HasSubstr("it stands still"));
  EXPECT_THAT(*reason, HasSubstr("1000 bytes of log to read"));
}

TEST_F(SupervisorTest, Scar_31_EveryKindOfWorkCounts) {
  const auto set = [](PipelineStats& s, int which) {
    int64_t* kinds[] = {&s.lag.bytes, &s.lag.rows, &s.queue_bytes, &s.uncommitted};
    *kinds[which] = 5;
  };
  for (int which = 0; which < 4; which++) {
    stats_ = PipelineStats();
    stats_.state = State::kRunning;
    set(stats_, which);
    supervisor_.Started(clock_.Now());
    EXPECT_EQ(LookAfter(seconds(1)), std::nullopt);
    EXPECT_TRUE(LookAfter(seconds(301))) << which;
  }
}

TEST_F(SupervisorTest, NothingToDoIsNoStandstill) {
  stats_.lag.micros = 5'000'000;
  Watch(hours(2));
  stats_.state = State::kRetrying;  // it says itself that it does not move
  stats_.lag.bytes = 1000;
  Watch(hours(2));
}

TEST_F(SupervisorTest, CommitsAndRowsAreMovement) {
  stats_.lag.bytes = 1000;
  for (int i = 0; i < 20; i++) {
    if (i % 2 == 0) stats_.epochs++;          // perhaps only a position
    if (i % 2 == 1) stats_.uncommitted += 5;  // a long transaction
    EXPECT_EQ(LookAfter(minutes(4)), std::nullopt) << i;
  }
  EXPECT_TRUE(LookAfter(minutes(6)));
}

TEST_F(SupervisorTest, Scar_31_ReadingTheSameRowsAgainIsNoMovement) {
  stats_.lag.bytes = 1000;
  stats_.uncommitted = 100;
  EXPECT_EQ(LookAfter(minutes(1)), std::nullopt);
  std::optional<std::string> reason;
  for (int i = 0; i < 10 && !reason; i++) {
    stats_.uncommitted = i % 2 == 0 ? 10 : 100;  // aborted, and read again
    reason = LookAfter(minutes(1));
  }
  EXPECT_TRUE(reason);
}

TEST_F(SupervisorTest, WhoCommitsSeldomHasMoreTime) {
  Supervisor patient(policy_, hours(1), 7);
  patient.Started(clock_.Now());
  stats_.uncommitted = 5;
  EXPECT_EQ(patient.Look(clock_.Now(), stats_), std::nullopt);
  clock_.Advance(minutes(64));
  EXPECT_EQ(patient.Look(clock_.Now(), stats_), std::nullopt);
  clock_.Advance(minutes(2));
  EXPECT_TRUE(patient.Look(clock_.Now(), stats_));
}

TEST_F(SupervisorTest, StandingStillIsNotHealthy) {
  RestartPolicy patient = policy_;
  patient.stalled = hours(1);
  Supervisor supervisor(patient, seconds(1), 7);
  (void)supervisor.Ended(Status::Transient("away"));
  supervisor.Started(clock_.Now());
  stats_.uncommitted = 5;
  for (int i = 0; i < 30; i++) {
    clock_.Advance(minutes(1));
    EXPECT_EQ(supervisor.Look(clock_.Now(), stats_), std::nullopt);
  }
  EXPECT_THAT(supervisor.Ended(Status::Transient("away")).why, HasSubstr("2 of 10"));
}

}  // namespace
}  // namespace leat
