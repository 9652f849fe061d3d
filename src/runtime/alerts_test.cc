#include "runtime/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/redact.h"

namespace leat {
namespace {

using State = PipelineStats::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

AlertSettings All() {
  return {.on = {AlertKind::kFailed, AlertKind::kRestarted, AlertKind::kStalled,
                 AlertKind::kBreaker, AlertKind::kLag, AlertKind::kDeadLetters,
                 AlertKind::kRecovered},
          .max_lag = std::chrono::minutes(5),
          .settle = std::chrono::seconds(60)};
}

class AlertWatchTest : public testing::Test {
 protected:
  AlertWatchTest() {
    view_.name = "orders";
    view_.source = "in";
    view_.sink = "out";
    view_.stats.state = State::kRunning;
  }

  // "kind text" of what a look `seconds` later finds.
  std::vector<std::string> Look(int seconds = 1) {
    time_ += std::chrono::seconds(seconds);
    std::vector<std::string> found;
    for (const Alert& alert : watch_.Look({&view_, 1}, time_, 7)) {
      EXPECT_EQ(alert.time, 7);
      EXPECT_EQ(alert.pipeline, view_.name);
      found.push_back(std::string(AlertKindName(alert.kind)) + " " + alert.text);
    }
    return found;
  }

  AlertWatch watch_{All()};
  PipelineView view_;
  SteadyTime time_{};
};

TEST_F(AlertWatchTest, WhatIsWellIsNotTold) {
  view_.stats.dead_letters = 12;  // from an earlier life
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_THAT(Look(600), IsEmpty());
}

TEST_F(AlertWatchTest, AFailureIsToldOnceAndItsEndToo) {
  Look();
  view_.stats.state = State::kFailed;
  view_.why = "access denied; GRANT it";
  EXPECT_THAT(Look(), ElementsAre("failed has failed: access denied; GRANT it"));
  EXPECT_THAT(Look(3600), IsEmpty());
  view_.stats.state = State::kRunning;
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_THAT(Look(58), IsEmpty());
  EXPECT_THAT(Look(2),
              ElementsAre("recovered is well again, 1h 01m after its trouble began"));
  EXPECT_THAT(Look(3600), IsEmpty());
}

TEST_F(AlertWatchTest, WhatComesAndGoesIsOneIncident) {
  Look();
  std::vector<std::string> told;
  for (int i = 0; i < 5; i++) {
    view_.stats.state = State::kRetrying;
    view_.stats.sink_breaker = {BreakerState::kOpen, 5, i + 1, 1'700'000'000'000'000};
    view_.stats.last_error = "no answer";
    for (auto& alert : Look()) told.push_back(alert);
    view_.stats.state = State::kRunning;
    view_.stats.sink_breaker.state = BreakerState::kClosed;
    for (auto& alert : Look(30)) told.push_back(alert);
  }
  EXPECT_THAT(told, ElementsAre("breaker leaves its sink (out) in peace until "
                                "2023-11-14T22:13:20Z: no answer"));
  EXPECT_THAT(Look(60), ElementsAre(HasSubstr(", breakers opened 5 times")));
}

TEST_F(AlertWatchTest, WhatIsWorseIsToldInTheSameIncident) {
  Look();
  view_.restarts = 1;
  view_.stats.state = State::kRetrying;
  view_.stats.last_error = "gone";
  EXPECT_THAT(Look(),
              ElementsAre("restarted ended with an error and is started again: gone"));
  view_.restarts = 2;
  EXPECT_THAT(Look(), IsEmpty());
  view_.stats.state = State::kFailed;
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("failed has failed")));
  view_.stats.state = State::kRunning;
  Look();
  EXPECT_THAT(Look(60), ElementsAre(HasSubstr(", 2 restarts")));
}

TEST_F(AlertWatchTest, WhatStoodStillHasToMoveAgain) {
  Look();
  view_.stalls = 1;
  view_.stats.epochs = 40;
  view_.stats.last_error = "it has committed nothing for 5m";
  EXPECT_THAT(Look(),
              ElementsAre("stalled stands still: it has committed nothing for 5m"));
  EXPECT_THAT(Look(3600), IsEmpty());  // it runs, and that is all
  view_.stats.epochs = 41;
  Look();
  EXPECT_THAT(Look(60), ElementsAre(HasSubstr("recovered")));
}

TEST_F(AlertWatchTest, LagBeyondTheBoundIsTold) {
  Look();
  view_.stats.lag.micros = 300'000'000;
  EXPECT_THAT(Look(), IsEmpty());
  view_.stats.lag.micros = 400'000'000;
  EXPECT_THAT(Look(), ElementsAre("lag is 6m 40s behind its source, more than 5m 00s"));
  view_.stats.lag.micros = 0;
  Look();
  EXPECT_THAT(Look(60), ElementsAre(HasSubstr("recovered")));
}

TEST_F(AlertWatchTest, DeadLettersAreCounted) {
  view_.stats.dead_letters = 12;
  Look();
  view_.stats.dead_letters = 13;
  EXPECT_THAT(Look(), ElementsAre("dead_letters has set 1 row aside, 13 in all; leat "
                                  "dead-letters orders shows them"));
  view_.stats.dead_letters = 20;
  EXPECT_THAT(Look(), IsEmpty());
  view_.stats.dead_letters = 0;  // somebody has deleted them
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_THAT(Look(60), ElementsAre(HasSubstr(", 8 dead letters")));
}

TEST_F(AlertWatchTest, WhoStopsItNeedsNotBeTold) {
  Look();
  view_.restarts = 1;
  Look();
  view_.stats.state = State::kStopped;
  EXPECT_THAT(Look(3600), IsEmpty());
  view_.stats.state = State::kRunning;
  EXPECT_THAT(Look(3600), IsEmpty());
}

TEST_F(AlertWatchTest, APipelineMadeAnewCountsFromZero) {
  view_.restarts = 3;
  Look();
  Look(60);
  view_.restarts = 0;
  EXPECT_THAT(Look(), IsEmpty());
  view_.restarts = 1;
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("restarted")));
}

TEST_F(AlertWatchTest, OnlyWhatIsAskedForIsTold) {
  AlertSettings some = All();
  some.on = {AlertKind::kFailed, AlertKind::kRecovered};
  watch_.Use(some);
  Look();
  view_.restarts = 1;
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_THAT(Look(60), IsEmpty());  // nor that it is over
}

TEST(AlertTest, HasNoSecrets) {
  RegisterSecret("hunter2canary");
  const Alert alert{AlertKind::kFailed, "p", "wrong password hunter2canary", 1'000'000};
  EXPECT_THAT(alert.ToJson(), HasSubstr(R"("time":"1970-01-01T00:00:01Z")"));
  EXPECT_THAT(alert.ToJson(), HasSubstr("wrong password ***"));
}

}  // namespace
}  // namespace leat
