#include "cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <thread>

namespace leat {
namespace {

using testing::HasSubstr;

PipelineStats Stats() {
  PipelineStats stats;
  stats.state = PipelineStats::State::kRunning;
  stats.rows = 412'000;
  stats.rows_per_second = 100'000;
  return stats;
}

TEST(Progress, TellsWhatIsLeftOfASnapshot) {
  PipelineStats stats = Stats();
  stats.lag.rows = 300'000;
  EXPECT_EQ(ProgressLine("orders", stats),
            "orders           412,000 rows  100,000 rows/s  snapshot: 300,000 rows left, "
            "ETA 3.0s");
}

TEST(Progress, TellsTheLagOfAStream) {
  PipelineStats stats = Stats();
  stats.lag.micros = 250'000;
  stats.lag.bytes = 3 << 20;
  stats.dead_letters = 2;
  stats.retries = 1;
  EXPECT_EQ(ProgressLine("orders", stats),
            "orders           412,000 rows  100,000 rows/s  lag 250ms (3.0 MiB)  2 dead "
            "letters  1 retries");
}

TEST(Progress, Scar_31_TellsWhyItDoesNotMove) {
  PipelineStats stats = Stats();
  stats.state = PipelineStats::State::kRetrying;
  stats.last_error = "mysql://u:secret-word@h refused";
  EXPECT_EQ(ProgressLine("orders", stats),
            "orders           412,000 rows  retrying: mysql://u:***@h refused");
}

// What a terminal or pipe gets until its other end is closed.
std::string ReadAll(int fd) {
  std::string all;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
    all.append(buffer, static_cast<size_t>(n));
  }
  return all;
}

TEST(Progress, KeepsLogLinesWholeAboveTheDrawing) {
  int master = -1, slave = -1;
  winsize size{24, 200, 0, 0};
  ASSERT_EQ(openpty(&master, &slave, nullptr, nullptr, &size), 0);
  std::string seen;
  std::thread terminal([&] { seen = ReadAll(master); });
  {
    Progress progress(slave);
    Logger log(progress.log_fd(), LogLevel::kInfo, progress.format());
    std::atomic<int> asked{0};
    progress.Start(
        [&] {
          asked++;
          return NamedStats{{"orders", Stats()}};
        },
        &log);
    for (int i = 0; i < 50; i++) log.Info("line", {{"number", i}});
    while (asked < 2) std::this_thread::yield();
    log.Info("the last line");
    progress.Stop();  // it borrows what stands below it here
  }
  close(slave);
  terminal.join();
  close(master);
  for (int i = 0; i < 50; i++) {
    EXPECT_THAT(seen, HasSubstr("line  number=" + std::to_string(i) + "\x1b[0m"));
  }
  EXPECT_THAT(seen, HasSubstr("the last line"));
  EXPECT_THAT(seen, HasSubstr("412,000 rows"));
}

TEST(Progress, LogsAsJsonWhereThereIsNoTerminal) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    Progress progress(ends[1]);
    EXPECT_EQ(progress.log_fd(), ends[1]);
    Logger log(progress.log_fd(), LogLevel::kInfo, progress.format());
    progress.Start([] { return NamedStats{}; }, &log);
    LogProgress("orders", Stats(), "ended", &log);
  }
  close(ends[1]);
  std::string seen = ReadAll(ends[0]);
  close(ends[0]);
  EXPECT_THAT(seen, HasSubstr(R"("msg":"ended","pipeline":"orders","state":"running")"));
  EXPECT_THAT(seen, HasSubstr(R"("rows":412000,"rows_per_second":100000)"));
}

}  // namespace
}  // namespace leat
