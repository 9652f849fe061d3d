#include "cli/log_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/testing.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

std::vector<json> JsonLines(const fs::path& path) {
  std::vector<json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

class LogFilesTest : public ::testing::Test {
 protected:
  TestFolder folder_{"logs"};
};

TEST_F(LogFilesTest, EachPipelineHasItsFileAndIsNamedInIt) {
  int copy[2];
  ASSERT_EQ(pipe(copy), 0);
  {
    auto logs = Must(LogFiles::Open(folder_ / "logs", LogLevel::kInfo, copy[1]));
    logs->own().Info("started");
    Logger& orders = logs->Of("orders");
    orders.Info("made a table", {{"table", "t"}});
    orders.Info("going on", {{"pipeline", "orders"}, {"epoch", 7}});
    orders.Debug("not of this level");
    logs->Of("other").Warn("late");
    EXPECT_EQ(&orders, &logs->Of("orders"));
  }
  const auto own = JsonLines(folder_ / "logs/leat.log");
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(own[0]["msg"], "started");
  EXPECT_FALSE(own[0].contains("pipeline"));
  const auto orders = JsonLines(folder_ / "logs/orders.log");
  ASSERT_EQ(orders.size(), 2u);
  EXPECT_EQ(orders[0]["pipeline"], "orders");
  EXPECT_EQ(orders[0]["table"], "t");
  EXPECT_EQ(orders[1]["epoch"], 7);
  EXPECT_EQ(JsonLines(folder_ / "logs/other.log").size(), 1u);
  close(copy[1]);
  char buffer[4096] = {};
  EXPECT_GT(read(copy[0], buffer, sizeof buffer - 1), 0);
  close(copy[0]);
  for (const char* message : {"started", "made a table", "going on", "late"}) {
    EXPECT_THAT(buffer, HasSubstr(message));
  }
}

TEST_F(LogFilesTest, AnotherProcessGoesOnInTheSameFiles) {
  for (int i = 0; i < 2; i++) {
    auto logs = Must(LogFiles::Open(folder_.path(), LogLevel::kInfo, -1));
    logs->Of("orders").Info("going on", {{"run", i}});
  }
  EXPECT_EQ(JsonLines(folder_ / "orders.log").size(), 2u);
}

TEST_F(LogFilesTest, ManyLinesComeThroughWhole) {
  constexpr int kLines = 5000;
  {
    auto logs = Must(LogFiles::Open(folder_.path(), LogLevel::kInfo, -1));
    Logger& log = logs->Of("orders");
    for (int i = 0; i < kLines; i++) log.Info(std::string(100, 'x'), {{"number", i}});
  }
  const auto lines = JsonLines(folder_ / "orders.log");
  ASSERT_EQ(lines.size(), static_cast<size_t>(kLines));
  EXPECT_EQ(lines.back()["number"], kLines - 1);
}

TEST_F(LogFilesTest, ALargeFileIsRotatedAndAFewAreKept) {
  const fs::path path = folder_ / "a.log";
  RotatingFile file(path, {.bytes = 10, .age = std::chrono::hours(24), .kept = 2});
  for (const char* line : {"1234\n", "5678\n", "abcd\n", "a very long line\n", "x\n"}) {
    file.Append(line);
  }
  EXPECT_EQ(ReadFile(path), "x\n");
  EXPECT_EQ(ReadFile(path.string() + ".1"), "a very long line\n");
  EXPECT_EQ(ReadFile(path.string() + ".2"), "abcd\n");
  EXPECT_FALSE(fs::exists(path.string() + ".3"));
}

TEST_F(LogFilesTest, AnOldFileIsRotated) {
  const fs::path path = folder_ / "a.log";
  std::ofstream(path) << "yesterday\n";
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(25));
  RotatingFile file(path, {});
  file.Append("today\n");
  file.Append("and now\n");
  EXPECT_EQ(ReadFile(path), "today\nand now\n");
  EXPECT_EQ(ReadFile(path.string() + ".1"), "yesterday\n");
}

}  // namespace
}  // namespace leat
