#include "cli/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

namespace leat {
namespace {

TEST(SignalWatch, TellsTheFirstAndTheSecondWhicheverThreadGetsThem) {
  std::atomic<int> first{0}, second{0}, idle{0};
  // A thread that does not block the signals, as libraries start them.
  std::thread other([&] {
    while (idle == 0) usleep(1000);
  });
  {
    SignalWatch watch([&] { first++; }, [&] { second++; });
    kill(getpid(), SIGTERM);
    while (first == 0) std::this_thread::yield();
    EXPECT_EQ(second, 0);
    pthread_kill(other.native_handle(), SIGINT);
    while (second == 0) std::this_thread::yield();
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  idle = 1;
  other.join();
}

TEST(SignalWatch, AHangUpIsNoOrderToEnd) {
  std::atomic<int> ended{0}, hung_up{0};
  SignalWatch watch([&] { ended++; }, [&] { ended++; }, [&] { hung_up++; });
  for (int i = 1; i <= 3; i++) {
    kill(getpid(), SIGHUP);
    while (hung_up < i) std::this_thread::yield();
  }
  EXPECT_EQ(ended, 0);
}

TEST(SignalWatchDeath, TheThirdEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        SignalWatch watch([] {}, [] {});
        for (int i = 0; i < 3; i++) kill(getpid(), SIGTERM);
        pause();
        while (true) usleep(1000);
      },
      testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace leat
