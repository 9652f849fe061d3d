// The suite on the sink notify, which holds no tokens: a row's message comes at least
// once, always by the same id, and twice only where its reply was not heard.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "conformance/memory_source.h"
#include "conformance/suite.h"
#include "core/config_reader.h"
#include "core/register_parts.h"
#include "wire/http_testing.h"

namespace leat::conformance {
namespace {

const std::map<ShardId, std::vector<MemoryTransaction>> kNotifyLog = {
    {"s", {{{"a", 0}}, {{"b", 1}}, {{"a", 2}, {"b", 3}}, {}, {{"b", 4}, {"a", 5}}}}};
constexpr size_t kRows = 6;
constexpr size_t kMostFaults = 2;  // in one of the suite's runs

class NotifySubject final : public Subject {
 public:
  NotifySubject() { RegisterParts(&registry_); }

  void Reset() override {
    log_ = std::make_unique<MemoryLog>(kNotifyLog);
    server_ = std::make_unique<HttpTestServer>();
    config_ = Must(ParseConfig(registry_.FindSink("notify")->spec,
                               "webhook: {url: \"" + server_->url() + "\"}\n"));
  }
  PipelineParts Parts() override {
    PipelineParts parts;
    parts.source = [this](const Context&) -> Result<std::unique_ptr<Source>> {
      // A lost store is a lost position here: the source has to have all of it still.
      MemorySourceOptions options;
      options.acks = false;
      return std::unique_ptr<Source>(new MemorySource(*log_, options));
    };
    parts.sink = [this](const Context& context) {
      return registry_.FindSink("notify")->make(config_, context);
    };
    return parts;
  }
  CommitPolicy policy() const override {
    return {std::chrono::hours(1), 2, int64_t{1} << 30};
  }
  std::vector<std::string> Judge(Store&, bool store_kept) override {
    std::map<int64_t, std::set<std::string>> ids;  // of each row's messages
    const auto requests = server_->requests();
    for (const auto& request : requests) {
      const auto body = nlohmann::json::parse(request.body);
      ids[body.at("row").at("id")].insert(body.at("id").get<std::string>());
    }
    std::vector<std::string> wrong;
    std::set<std::string> all;
    for (const auto& [row, own] : ids) {
      all.insert(own.begin(), own.end());
      if (own.size() > 1) wrong.push_back(fmt::format("row {} has several ids", row));
    }
    if (ids.size() != kRows || all.size() < kRows) {
      wrong.push_back(fmt::format("{} rows came by {} ids", ids.size(), all.size()));
    }
    if (store_kept && requests.size() > kRows + kMostFaults) {
      wrong.push_back(fmt::format("{} messages of {} rows", requests.size(), kRows));
    }
    return wrong;
  }
  bool IsRequest(const std::string& failpoint) const override {
    return failpoint == "notify.send.after";
  }

 private:
  Registry registry_;
  Config config_;
  std::unique_ptr<MemoryLog> log_;
  std::unique_ptr<HttpTestServer> server_;
};

class Notify : public ::testing::Test {
 protected:
  void SetUp() override { suite_.CleanRun(); }
  void TearDown() override {
    EXPECT_TRUE(suite_.failures().empty()) << Joined(suite_.failures(), "\n");
  }
  NotifySubject subject_;
  Suite suite_{subject_, {.pairs = 20}};
};

TEST_F(Notify, CrashAtEveryStep) { suite_.CrashEverywhere(); }
TEST_F(Notify, Scar_20_LostReplies) { suite_.LoseReplies(); }
TEST_F(Notify, LostStores) { suite_.LoseStores(); }
TEST_F(Notify, RestoredStores) { suite_.RestoreOldStores(); }

}  // namespace
}  // namespace leat::conformance
