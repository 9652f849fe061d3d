#include "base/redact.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/log.h"

namespace leat {
namespace {

TEST(Redact, Scar_30_MasksThePasswordOfEveryUrl) {
  EXPECT_EQ(Redact("to mysql://leat:p%40ss@db:3306/shop and redis://:x@r, no more"),
            "to mysql://leat:***@db:3306/shop and redis://:***@r, no more");
  EXPECT_EQ(Redact("mysql://leat@db/shop http://host:8080/a@b"),
            "mysql://leat@db/shop http://host:8080/a@b");
}

TEST(Redact, Scar_30_MasksAnAtSignInsideAPassword) {
  EXPECT_EQ(Redact("mysql://u:a@b@host/"), "mysql://u:***@host/");
}

TEST(Redact, Scar_30_MasksRegisteredSecretsAsWrittenAndDecoded) {
  RegisterSecret("tok%2Fen-value");
  EXPECT_EQ(Redact("sent tok%2Fen-value, which is tok/en-value"),
            "sent ***, which is ***");
}

TEST(Redact, MasksTheLongerOfTwoSecretsWhole) {
  RegisterSecret("hunter");
  RegisterSecret("hunter2hunter");
  EXPECT_EQ(Redact("hunter2hunter hunter"), "*** ***");
}

TEST(Redact, Scar_30_TheLoggerMasksMessagesAndFields) {
  RegisterSecret("s3cr3t-of-the-log");
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  Logger log(pipe_ends[1], LogLevel::kInfo, Logger::Format::kJson);
  log.Error("refused: s3cr3t-of-the-log", {{"why", "s3cr3t-of-the-log"}});
  char buffer[1024];
  ssize_t n = read(pipe_ends[0], buffer, sizeof(buffer));
  ASSERT_GT(n, 0);
  std::string line(buffer, static_cast<size_t>(n));
  EXPECT_EQ(line.find("s3cr3t"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("msg":"refused: ***","why":"***")"), std::string::npos) << line;
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace
}  // namespace leat
