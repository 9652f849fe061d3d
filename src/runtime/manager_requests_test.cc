#include "runtime/manager_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/testing.h"
#include "store/store.h"

namespace leat {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Of no pipeline: what the manager does with them is tested where there are parts.
class ManagerRequestsTest : public ::testing::Test {
 protected:
  Result<std::string> Ask(const std::string& command, const json& request) {
    return AnswerManager(
        *manager_, [this]() -> Result<Reloaded> { return reloaded_; }, command,
        request.dump());
  }

  TestFolder folder_{"requests"};
  Registry registry_;
  std::unique_ptr<Store> store_ = Must(Store::Open(folder_.path()));
  Logger log_{STDERR_FILENO, LogLevel::kError};
  Result<Reloaded> reloaded_ = Reloaded{{"a"}, {}, {"b"}};
  std::unique_ptr<Manager> manager_ =
      Must(Manager::Make({}, {registry_, *store_, Clock::System(), log_, {}}));
};

TEST_F(ManagerRequestsTest, KnowsItsOwn) {
  for (const char* command :
       {"start", "stop", "restart", "pause", "resume", "reset", "shutdown", "reload"}) {
    EXPECT_TRUE(IsManagerRequest(command)) << command;
  }
  EXPECT_FALSE(IsManagerRequest("topics"));
  EXPECT_FALSE(IsManagerRequest(""));
}

TEST_F(ManagerRequestsTest, AReloadSaysWhatItDidOrWhyNot) {
  EXPECT_EQ(json::parse(Must(Ask("reload", json::object()))),
            (json{{"started", {"a"}}, {"restarted", json::array()}, {"stopped", {"b"}}}));
  reloaded_ = Status::Config("p.yaml:1:1: no");
  EXPECT_THAT(Ask("reload", json::object()).status().message(), HasSubstr("p.yaml:1:1"));
}

TEST_F(ManagerRequestsTest, WhatIsMissingOrUnknownIsSaid) {
  EXPECT_THAT(Ask("stop", {{"name", "x"}}).status().message(),
              HasSubstr("there is no pipeline \"x\""));
  EXPECT_THAT(Ask("stop", json::object()).status().message(), HasSubstr("not a request"));
  EXPECT_THAT(Ask("stop", {{"name", 7}}).status().message(), HasSubstr("not a request"));
  EXPECT_EQ(Ask("nonsense", json::object()).status().kind(), ErrorKind::kConfig);
}

TEST_F(ManagerRequestsTest, AShutdownIsForGood) {
  Must(Ask("shutdown", json::object()));
  manager_->Wait();
  EXPECT_THAT(Ask("start", {{"name", "x"}}).status().message(),
              HasSubstr("about to end"));
}

}  // namespace
}  // namespace leat
