#include "base/retry.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

TEST(Backoff, BoundDoublesUpToTheLongest) {
  Backoff backoff(Millis(100), Millis(500), 1);
  for (int64_t bound : {100, 200, 400, 500, 500}) {
    EXPECT_EQ(backoff.bound(), Millis(bound));
    EXPECT_LE(backoff.Next(), Millis(bound));
  }
  backoff.Reset();
  EXPECT_EQ(backoff.bound(), Millis(100));
}

TEST(Backoff, JitterFillsTheWholeRange) {
  Backoff backoff(Millis(1000), Millis(1000), 42);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 200; i++) {
    Millis wait = backoff.Next();
    EXPECT_GE(wait, Millis(0));
    low = low || wait < Millis(250);
    high = high || wait > Millis(750);
  }
  EXPECT_TRUE(low);
  EXPECT_TRUE(high);
}

TEST(Backoff, TwoSeedsDoNotWaitInStep) {
  Backoff a(Millis(1000), Millis(60000), 1);
  Backoff b(Millis(1000), Millis(60000), 2);
  int equal = 0;
  for (int i = 0; i < 10; i++) equal += a.Next() == b.Next();
  EXPECT_LT(equal, 5);
}

}  // namespace
}  // namespace leat
