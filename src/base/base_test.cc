#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/status.h"
#include "base/waker.h"

namespace leat {
namespace {

TEST(ByteReader, ReadsBothEndians) {
  ByteReader in(std::string_view("\x01\x02\x03\x04\x05", 5));
  EXPECT_EQ(in.Little(2), 0x0201u);
  EXPECT_EQ(in.Big(2), 0x0304u);
  EXPECT_EQ(in.left(), 1u);
  EXPECT_FALSE(in.failed());
}

TEST(ByteReader, ReadsEveryWidthWithAndWithoutBytesBehindIt) {
  constexpr std::string_view kBytes("\x81\x82\x83\x84\x85\x86\x87\x88\xff", 9);
  uint64_t value = 0;
  for (int width = 1; width <= 8; width++) {
    const auto last = static_cast<size_t>(width) - 1;
    value |= uint64_t{static_cast<uint8_t>(kBytes[last])} << 8 * last;
    ByteReader more(kBytes);
    EXPECT_EQ(more.Little(width), value);
    EXPECT_EQ(more.left(), kBytes.size() - static_cast<size_t>(width));
    ByteReader exact(kBytes.substr(0, static_cast<size_t>(width)));
    EXPECT_EQ(exact.Little(width), value);
    EXPECT_EQ(exact.left(), 0u);
    ByteReader cut(kBytes.substr(0, last));
    EXPECT_EQ(cut.Little(width), 0u);
    EXPECT_TRUE(cut.failed());
  }
}

TEST(ByteReader, NeverRunsPastItsEnd) {
  ByteReader in(std::string_view("\x01\x02\x03", 3));
  EXPECT_EQ(in.U32(), 0u);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.U8(), 0u);
  EXPECT_EQ(in.Bytes(1), "");
}

TEST(Status, WithinPutsTheDoingInFront) {
  Status s = Status::Transient("disk full").Within("opening catalog");
  EXPECT_EQ(s.message(), "opening catalog: disk full");
  EXPECT_EQ(s.kind(), ErrorKind::kTransient);
  EXPECT_TRUE(Status::Ok().Within("x").ok());
}

Result<int> Half(int n) {
  if (n % 2) return Status::Data("odd");
  return n / 2;
}
Result<int> Quarter(int n) {
  ASSIGN_OR_RETURN(int half, Half(n));
  ASSIGN_OR_RETURN(int quarter, Half(half));
  return quarter;
}

TEST(Result, MacrosReturnTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().kind(), ErrorKind::kData);
}

TEST(CancelToken, CutsAWaitShort) {
  CancelToken cancel;
  EXPECT_FALSE(cancel.WaitFor(Millis(0)));
  std::thread other([&] { cancel.Cancel(); });
  EXPECT_TRUE(cancel.WaitFor(std::chrono::hours(1)));
  other.join();
}

TEST(FakeClock, StandsStillUntilMoved) {
  FakeClock clock;
  SteadyTime start = clock.Now();
  int64_t wall = clock.WallMicros();
  CancelToken cancel;
  EXPECT_FALSE(clock.Sleep(Millis(5), cancel));
  EXPECT_EQ(clock.Now() - start, Millis(5));
  clock.JumpWall(Micros(-3'000'000));
  EXPECT_EQ(clock.Now() - start, Millis(5));
  EXPECT_EQ(clock.WallMicros(), wall + 5'000 - 3'000'000);
  cancel.Cancel();
  EXPECT_TRUE(clock.Sleep(Millis(5), cancel));
}

TEST(Failpoint, PassesUnlessAHookSaysOtherwise) {
  EXPECT_TRUE(failpoint::Durable("x.before").ok());
  failpoint::SetHook([](std::string_view name) {
    return name == "x.before" ? Status::Cancelled("crash") : Status::Ok();
  });
  EXPECT_EQ(failpoint::Durable("x.before").kind(), ErrorKind::kCancelled);
  EXPECT_TRUE(failpoint::Durable("x.after").ok());
  failpoint::ClearHook();
  EXPECT_TRUE(failpoint::Durable("x.before").ok());
}

TEST(FailpointDeathTest, EnvironmentEndsTheProcessAtTheNthPassing) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("LEAT_CRASH_AT", "x.before:2", 1);
        failpoint::ArmFromEnvironment();
        if (!failpoint::Durable("x.before").ok()) _exit(1);
        if (!failpoint::Durable("y.before").ok()) _exit(1);
        (void)failpoint::Durable("x.before");
        _exit(2);
      },
      ::testing::ExitedWithCode(137), "");
}

TEST(Waker, IsReadableFromWakeToClear) {
  Waker waker;
  pollfd wait{waker.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&wait, 1, 0), 0);
  waker.Wake();
  waker.Wake();
  EXPECT_EQ(poll(&wait, 1, 0), 1);
  waker.Clear();
  EXPECT_EQ(poll(&wait, 1, 0), 0);
  waker.Clear();
}

TEST(FailpointDeathTest, EnvironmentPausesTheProcessOnce) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    setenv("LEAT_STOP_AT", "x.before:2", 1);
    failpoint::ArmFromEnvironment();
    for (int i = 0; i < 4; i++) {
      if (!failpoint::Durable("x.before").ok()) _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  EXPECT_TRUE(WIFSTOPPED(status));
  kill(child, SIGCONT);
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace leat
