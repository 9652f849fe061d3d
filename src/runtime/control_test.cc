#include "runtime/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/testing.h"
#include "store/overlay.h"
#include "store/store.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class ControlTest : public ::testing::Test {
 protected:
  void Fill(Store& store, int letters) {
    Owner owner{"orders", "0", "a"};
    ASSERT_TRUE(store.Begin(owner).ok());
    Overlay overlay(store, owner, 1);
    for (int i = 0; i < letters; i++) {
      ASSERT_TRUE(
          overlay.AddDeadLetter({"db.t", "too \xff long", {"f:4"}, "{}", i}).ok());
    }
    ASSERT_TRUE(overlay.Flush().ok());
    Checkpoint c;
    c.pipeline = "orders";
    c.epoch = 1;
    c.attempt = "a";
    ASSERT_TRUE(store.Save(owner, c).ok());
    ASSERT_TRUE(store.Fold(owner).ok());
  }
  json Call(std::string_view request) {
    auto answer = CallControl(data_, request);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? json::parse(*answer) : json();
  }

  TestFolder folder_{"control"};
  fs::path data_ = folder_.path();
};

constexpr char kList[] = R"({"command":"dead-letters","pipeline":"orders","limit":2})";

TEST_F(ControlTest, TheRunningProcessAnswers) {
  auto store = Store::Open(data_);
  ASSERT_TRUE(store.ok());
  Fill(**store, 3);
  auto running = [] {
    PipelineView view;
    view.name = "orders";
    view.stats.state = PipelineStats::State::kRetrying;
    view.stats.retries = 7;
    view.stats.last_error = "transient: the server went away";
    return std::vector<PipelineView>{view};
  };
  auto server = ControlServer::Start(data_, {store->get(), running});
  ASSERT_TRUE(server.ok()) << server.status().ToString();

  json letters = Call(kList);
  EXPECT_EQ(letters["ok"], true);
  EXPECT_EQ(letters["count"], 3);
  ASSERT_EQ(letters["rows"].size(), 2u);
  EXPECT_EQ(letters["rows"][1]["position"], "f:4");
  EXPECT_THAT(letters["rows"][1]["reason"].get<std::string>(), HasSubstr("too "));

  json request = json::parse(kList);
  request["after"] = letters["rows"][1]["id"];
  json next = Call(request.dump());
  ASSERT_EQ(next["rows"].size(), 1u);
  EXPECT_EQ(next["rows"][0]["time"], 2);

  json status = Call(R"({"command":"status"})");
  EXPECT_EQ(status["pid"], getpid());
  EXPECT_EQ(status["pipelines"]["orders"]["state"], "retrying");
  EXPECT_EQ(status["pipelines"]["orders"]["retries"], 7);
  EXPECT_THAT(status["pipelines"]["orders"]["last_error"].get<std::string>(),
              HasSubstr("went away"));

  Call(json{{"command", "dead-letters-delete"},
            {"pipeline", "orders"},
            {"ids", {letters["rows"][0]["id"]}}}
           .dump());
  EXPECT_EQ(Call(kList)["count"], 2);
}

TEST_F(ControlTest, OnlyTheOwnerMayConnect) {
  auto store = Store::Open(data_);
  auto server = ControlServer::Start(data_, {store->get(), nullptr});
  ASSERT_TRUE(server.ok());
  struct stat file {};
  ASSERT_EQ(stat((data_ / "leat.sock").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  server->reset();
  EXPECT_FALSE(fs::exists(data_ / "leat.sock"));
}

TEST_F(ControlTest, WhereNobodyRunsTheStoreIsOpened) {
  {
    auto store = Store::Open(data_);
    Fill(**store, 1);
    // As a crash leaves it: the file of a socket that nobody serves.
    auto server = ControlServer::Start(data_, {store->get(), nullptr});
    fs::rename(data_ / "leat.sock", data_ / "kept");
    server->reset();
    fs::rename(data_ / "kept", data_ / "leat.sock");
  }
  EXPECT_EQ(Call(kList)["count"], 1);
  EXPECT_EQ(Call(R"({"command":"status"})")["pipelines"]["orders"]["state"],
            "not running");
  // And a new owner serves again.
  auto store = Store::Open(data_);
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(ControlServer::Start(data_, {store->get(), nullptr}).ok());
}

TEST_F(ControlTest, AnOwnerWithoutASocketIsNamed) {
  auto store = Store::Open(data_);
  auto answer = CallControl(data_, kList);
  ASSERT_FALSE(answer.ok());
  EXPECT_THAT(answer.status().message(), HasSubstr("is in use by process"));
}

TEST_F(ControlTest, AnOwnerThatIsAboutToListenIsWaitedFor) {
  auto store = Store::Open(data_);
  std::unique_ptr<ControlServer> server;
  std::thread starting([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    server = *ControlServer::Start(data_, {store->get(), nullptr});
  });
  EXPECT_EQ(Call(kList)["ok"], true);
  starting.join();
}

TEST_F(ControlTest, FolderThatIsNotThere) {
  auto answer = CallControl(data_ / "nowhere", kList);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(answer.status().message(), HasSubstr("there is no data folder"));
  EXPECT_FALSE(fs::exists(data_ / "nowhere"));
}

TEST_F(ControlTest, PathsLongerThanASocketsName) {
  data_ /= std::string(120, 'x');
  fs::create_directories(data_);
  auto store = Store::Open(data_);
  Fill(**store, 1);
  auto server = ControlServer::Start(data_, {store->get(), nullptr});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  EXPECT_EQ(Call(kList)["count"], 1);
  data_ = data_.parent_path();
}

TEST_F(ControlTest, NonsenseGetsAnAnswer) {
  auto store = Store::Open(data_);
  ControlSubject subject{store->get(), nullptr};
  for (const char* request :
       {"", "{", "[]", "{}", R"({"command":7})", R"({"command":"shutdown"})",
        R"({"command":"dead-letters","limit":"x"})"}) {
    json answer = json::parse(AnswerControl(subject, request));
    EXPECT_EQ(answer["ok"], false) << request;
    EXPECT_EQ(answer["kind"], "config") << request;
  }
}

}  // namespace
}  // namespace leat
