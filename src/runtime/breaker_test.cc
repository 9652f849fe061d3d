#include "runtime/breaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace leat {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

const BreakerPolicy kPolicy{.failures = 3, .recovery = Millis(60'000), .probes = 2};

class BreakerTest : public ::testing::Test {
 protected:
  void Fail(int times) {
    for (int i = 0; i < times; i++) breaker_.Failed(clock_.Now());
  }
  // To half-open.
  void Recover() {
    clock_.Advance(breaker_.Wait(clock_.Now()));
    breaker_.Admit();
  }

  FakeClock clock_;
  Breaker breaker_{kPolicy};
};

TEST_F(BreakerTest, OpensAfterFailuresInARow) {
  Fail(2);
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
  EXPECT_EQ(breaker_.Wait(clock_.Now()), nanoseconds(0));
  breaker_.Succeeded();
  Fail(2);
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
  Fail(1);
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  EXPECT_EQ(breaker_.Wait(clock_.Now()), seconds(60));
  EXPECT_EQ(breaker_.opened(), 1);
}

TEST_F(BreakerTest, IsHalfOpenOnceItWasOpenLongEnough) {
  Fail(3);
  clock_.Advance(seconds(59));
  EXPECT_EQ(breaker_.Wait(clock_.Now()), seconds(1));
  clock_.Advance(seconds(2));
  EXPECT_EQ(breaker_.Wait(clock_.Now()), nanoseconds(0));
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);  // nobody has tried yet
  breaker_.Admit();
  EXPECT_EQ(breaker_.state(), BreakerState::kHalfOpen);
  EXPECT_EQ(breaker_.Wait(clock_.Now()), nanoseconds(0));
}

TEST_F(BreakerTest, OneSuccessCloses) {
  Fail(3);
  Recover();
  Fail(1);
  breaker_.Succeeded();
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
  Fail(2);
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
}

TEST_F(BreakerTest, AsManyProbesThatFailOpenItAgain) {
  Fail(3);
  for (int64_t times = 2; times < 5; times++) {
    Recover();
    Fail(1);
    EXPECT_EQ(breaker_.state(), BreakerState::kHalfOpen);
    Fail(1);
    EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
    EXPECT_EQ(breaker_.Wait(clock_.Now()), seconds(60));
    EXPECT_EQ(breaker_.opened(), times);
  }
  EXPECT_EQ(breaker_.failures(), 9);
}

TEST_F(BreakerTest, AnAttemptOfAClosedOneChangesNothing) {
  Fail(2);
  breaker_.Admit();
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
  EXPECT_EQ(breaker_.failures(), 2);
}

TEST_F(BreakerTest, EachSideHasItsOwnAndIsShown) {
  StatsBoard board(clock_);
  Logger log(STDERR_FILENO, LogLevel::kError);
  Breakers both("p", kPolicy, clock_, log, board);
  auto shown = [&] { return board.Get(clock_.Now()); };
  for (int i = 0; i < 3; i++) {
    both.Failed(Side::kSink);
    both.Failed(Side::kNeither);
  }
  both.Failed(Side::kSource);
  EXPECT_EQ(shown().source_breaker.state, BreakerState::kClosed);
  EXPECT_EQ(shown().source_breaker.failures, 1);
  EXPECT_EQ(shown().source_breaker.open_until, 0);
  EXPECT_EQ(shown().sink_breaker.state, BreakerState::kOpen);
  EXPECT_EQ(shown().sink_breaker.open_until, clock_.WallMicros() + 60'000'000);
  EXPECT_EQ(both.Wait(), seconds(60));
  clock_.Advance(seconds(60));
  both.Admit();
  EXPECT_EQ(shown().sink_breaker.state, BreakerState::kHalfOpen);
  both.Succeeded();
  EXPECT_EQ(shown().sink_breaker.state, BreakerState::kClosed);
  EXPECT_EQ(shown().sink_breaker.opened, 1);
  EXPECT_EQ(shown().source_breaker.failures, 0);
}

}  // namespace
}  // namespace leat
