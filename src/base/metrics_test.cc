#include "base/metrics.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

using std::chrono::seconds;

TEST(Rate, CountsTheWindowOnly) {
  FakeClock clock;
  Rate rate(seconds(5));
  EXPECT_EQ(rate.PerSecond(clock.Now()), 0);
  rate.Add(clock.Now(), 100);
  clock.Advance(seconds(2));
  rate.Add(clock.Now(), 50);
  EXPECT_DOUBLE_EQ(rate.PerSecond(clock.Now()), 30);
  clock.Advance(seconds(4));
  EXPECT_DOUBLE_EQ(rate.PerSecond(clock.Now()), 10);
  clock.Advance(seconds(4));
  EXPECT_EQ(rate.PerSecond(clock.Now()), 0);
  rate.Add(clock.Now(), 5);
  EXPECT_DOUBLE_EQ(rate.PerSecond(clock.Now()), 1);
}

TEST(Rate, ManyAddsKeepTheirSum) {
  FakeClock clock;
  Rate rate(seconds(5));
  for (int i = 0; i < 1000; i++) {
    rate.Add(clock.Now(), 1);
    clock.Advance(Millis(1));
  }
  EXPECT_DOUBLE_EQ(rate.PerSecond(clock.Now()), 200);
}

TEST(ThreadCpu, RisesWithWork) {
  double before = ThreadCpuSeconds();
  volatile uint64_t sum = 0;
  while (ThreadCpuSeconds() - before < 0.005) sum = sum + 1;
  EXPECT_GT(ThreadCpuSeconds(), before);
}

}  // namespace
}  // namespace leat
