#include "server/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "base/testing.h"
#include "core/json.h"
#include "store/store.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

// An API over two pipelines, which takes notes of the commands it is asked for.
class ApiTest : public ::testing::Test {
 protected:
  void Start(const std::string& viewer = "", const std::string& operate = "") {
    ApiSettings settings{"127.0.0.1", 0, viewer, operate};
    auto views = [this] { return views_; };
    auto more = [this](Store&, const std::string& command,
                       std::string_view request) -> Result<std::string> {
      asked_.push_back(std::string(request));
      if (!refusal_.ok()) return refusal_;
      return std::string(R"({"state":"stopping"})");
    };
    auto api = Api::Start(settings, {store_.get(), views, more}, log_);
    ASSERT_TRUE(api.ok()) << api.status().ToString();
    api_ = *std::move(api);
    client_ = std::make_unique<httplib::Client>("127.0.0.1", api_->port());
  }
  void SetUp() override {
    store_ = *Store::Open(folder_.path());
    for (const char* name : {"orders", "users"}) {
      PipelineView view;
      view.name = name;
      view.stats.state = PipelineStats::State::kRunning;
      view.stats.rows = 7;
      view.stats.commit_seconds.Add(Millis(3));
      views_.push_back(view);
    }
  }
  Json Get(const std::string& path, int code = 200) {
    auto reply = client_->Get(path.c_str());
    if (!reply) return {};
    EXPECT_EQ(reply->status, code) << reply->body;
    return TryParseJson<Json>(reply->body);
  }

  TestFolder folder_{"api"};
  std::unique_ptr<Store> store_;
  Logger log_{-1, LogLevel::kError};
  std::vector<PipelineView> views_;
  std::vector<std::string> asked_;
  Status refusal_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(ApiTest, ShowsPipelines) {
  Start();
  const Json all = Get("/api/pipelines");
  ASSERT_EQ(all["pipelines"].size(), 2u);
  EXPECT_EQ(all["pipelines"][1]["name"], "users");
  EXPECT_EQ(Get("/api/pipelines/orders")["rows"], 7);
  EXPECT_THAT(Get("/api/pipelines/nobody", 404)["error"].get<std::string>(),
              HasSubstr("no pipeline nobody"));
  EXPECT_EQ(Get("/health")["status"], "up");
}

TEST_F(ApiTest, IsReadyOnceNothingIsOnItsWay) {
  Start();
  EXPECT_EQ(Get("/ready")["ready"], true);
  views_[0].stats.state = PipelineStats::State::kStarting;
  views_[1].stats.state = PipelineStats::State::kPaused;
  const Json waiting = Get("/ready", 503);
  EXPECT_EQ(waiting["waiting_for"], (Json{{"orders", "starting"}}));
}

TEST_F(ApiTest, AsksWhatCommandsAsk) {
  Start();
  auto reply = client_->Post("/api/pipelines/orders/stop", "", "application/json");
  ASSERT_EQ(reply->status, 200) << reply->body;
  EXPECT_EQ(ParseJson<Json>(reply->body)["state"], "stopping");
  EXPECT_EQ(asked_.back(), R"({"command":"stop","name":"orders"})");

  refusal_ = Status::Config("orders is about to end");
  reply = client_->Post("/api/pipelines/orders/stop", "", "application/json");
  EXPECT_EQ(reply->status, 409);
  EXPECT_THAT(reply->body, HasSubstr("orders is about to end"));

  asked_.clear();
  EXPECT_EQ(client_->Post("/api/pipelines/x/stop", "", "application/json")->status, 404);
  EXPECT_EQ(client_->Get("/api/pipelines/orders/stop")->status, 405);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ApiTest, PagesDeadLetters) {
  Start();
  const Json page = Get("/api/pipelines/orders/dead-letters?limit=2");
  EXPECT_EQ(page["count"], 0);
  EXPECT_TRUE(page["rows"].is_array());
  Get("/api/pipelines/orders/dead-letters?limit=many", 400);
  Get("/api/pipelines/orders/dead-letters?limit=10001", 400);
}

TEST_F(ApiTest, ViewersLookAndOperatorsChange) {
  Start("look", "change");
  EXPECT_EQ(Get("/health")["status"], "up");
  Get("/api/pipelines", 401);
  client_->set_default_headers({{"Authorization", "Bearer loo"}});
  Get("/api/pipelines", 401);
  client_->set_default_headers({{"Authorization", "Bearer look"}});
  Get("/api/pipelines");
  EXPECT_EQ(client_->Post("/api/reload", "", "application/json")->status, 403);
  client_->set_default_headers({{"Authorization", "Bearer change"}});
  Get("/api/pipelines");
  EXPECT_EQ(client_->Post("/api/reload", "", "application/json")->status, 200);
}

TEST_F(ApiTest, PagesInABrowserStayOutside) {
  Start();
  // A name of somebody's own that leads to this machine.
  client_->set_default_headers({{"Host", "evil.example:8083"}});
  Get("/api/pipelines", 403);
  client_->set_default_headers({{"Host", "localhost:8083"}});
  Get("/api/pipelines");
  client_->set_default_headers(
      {{"Host", "localhost:8083"}, {"Origin", "http://evil.example"}});
  EXPECT_EQ(client_->Post("/api/pipelines/orders/stop", "", "text/plain")->status, 403);
  EXPECT_TRUE(asked_.empty());
  client_->set_default_headers(
      {{"Host", "localhost:8083"}, {"Origin", "http://localhost:8083"}});
  auto reply = client_->Get("/api/pipelines");
  EXPECT_EQ(reply->status, 200);
  EXPECT_FALSE(reply->has_header("Access-Control-Allow-Origin"));
}

TEST_F(ApiTest, MetersPipelines) {
  Start();
  views_[0].stats.lag.rows = 5;
  const std::string text = client_->Get("/metrics")->body;
  EXPECT_THAT(text, HasSubstr("leat_pipeline_rows_total{pipeline=\"orders\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE leat_pipeline_rows_total counter\n"));
  EXPECT_THAT(text, HasSubstr("leat_pipeline_lag_rows{pipeline=\"orders\"} 5\n"));
  EXPECT_THAT(text, Not(HasSubstr("leat_pipeline_lag_rows{pipeline=\"users\"}")));
  EXPECT_THAT(text,
              HasSubstr("leat_pipeline_state{pipeline=\"users\",state=\"running\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("leat_pipeline_commit_duration_seconds_bucket{pipeline="
                              "\"orders\",le=\"0.005\"} 1\n"));
}

TEST_F(ApiTest, DescribesItselfAndAnswersEveryRouteItDescribes) {
  Start();
  const Json document = Get("/api/openapi.json");
  EXPECT_EQ(document["openapi"], "3.1.0");
  size_t operations = 0;
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      operations++;
      std::string concrete = path;
      if (size_t at = concrete.find("{name}"); at != concrete.npos) {
        concrete.replace(at, 6, "orders");
      }
      for (const Json& parameter : operation["parameters"]) {
        if (parameter["in"] == "query" && parameter["required"] == true) {
          concrete += "?" + parameter["name"].get<std::string>() + "=earliest";
        }
      }
      auto reply = method == "get"
                       ? client_->Get(concrete.c_str())
                       : client_->Post(concrete.c_str(), "", "application/json");
      EXPECT_EQ(reply->status, 200) << method << " " << path << ": " << reply->body;
    }
  }
  EXPECT_EQ(operations, Routes().size());
}

TEST_F(ApiTest, SaysWhoHasThePort) {
  Start();
  ApiSettings same{"127.0.0.1", api_->port(), "", ""};
  auto second = Api::Start(same, {}, log_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr("another `api`"));
}

}  // namespace
}  // namespace leat
