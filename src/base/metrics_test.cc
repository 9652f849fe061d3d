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

TEST(Histogram, CountsEachDurationInItsBucket) {
  using std::chrono::milliseconds;
  Histogram all;
  all.Add(milliseconds(1));  // a bound belongs to its bucket
  all.Add(milliseconds(2));
  Histogram more;
  more.Add(seconds(1000));
  all.Add(more);
  EXPECT_EQ(all.count(), 3);
  EXPECT_DOUBLE_EQ(all.sum(), 1000.003);
  EXPECT_EQ(all.buckets()[0], 1);
  EXPECT_EQ(all.buckets()[1], 1);
  EXPECT_EQ(all.buckets().back(), 1);
}

}  // namespace
}  // namespace leat
