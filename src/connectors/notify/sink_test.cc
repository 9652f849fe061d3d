#include "connectors/notify/sink.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/testing.h"
#include "connectors/notify/register.h"
#include "core/config_reader.h"
#include "store/store.h"
#include "wire/http_testing.h"

namespace leat::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

constexpr char kPath[] = "/services/T000/B000/verysecretpath";

SchemaRef Alerts() {
  return TableSchema::Make({"weather", "", "alerts"},
                           {{"station", arrow::utf8(), false, ""},
                            {"temperature", arrow::float64(), true, ""}},
                           {});
}

class NotifySinkTest : public testing::Test {
 protected:
  void SetUp() override {
    RegisterNotify(&registry_);
    store_ = Must(Store::Open(folder_ / "data"));
    log_fd_ = open((folder_ / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    log_ = std::make_unique<Logger>(log_fd_, LogLevel::kDebug, Logger::Format::kJson);
    Checkpoint start;
    start.pipeline = "p";
    start.attempt = "a";
    start.start = true;
    start.shards = {{"s", {"P"}, {"P"}, {}, {}}};
    Keep(start);
  }
  void TearDown() override { close(log_fd_); }

  // As the runtime does around a commit.
  void Keep(const Checkpoint& checkpoint) {
    const Owner owner{"p", "0", "a"};
    Must(store_->Begin(owner));
    Must(store_->Save(owner, checkpoint));
    Must(store_->Fold(owner));
  }
  Status Commit(Sink* sink, uint64_t epoch, const std::string& from,
                const std::string& to) {
    Checkpoint checkpoint;
    checkpoint.pipeline = "p";
    checkpoint.attempt = "a";
    checkpoint.epoch = epoch;
    checkpoint.shards = {{"s", {from}, {to}, {}, {}}};
    if (auto prepared = sink->Prepare(); !prepared.ok()) return prepared.status();
    if (auto committed = sink->Commit(checkpoint); !committed.ok()) {
      return committed.status();
    }
    Keep(checkpoint);
    return Status::Ok();
  }
  std::string Slack(const std::string& more = "") const {
    return "slack: " + server_.url(kPath) +
           "\ntemplate: \"*{station}*: {temperature} °C\"\n" + more;
  }
  std::unique_ptr<Sink> Make(const std::string& yaml) {
    const SinkType* type = registry_.FindSink("notify");
    const Config config = Must(ParseConfig(type->spec, yaml));
    return Must(type->make(config, {"p", folder_ / "cache", clock_, *log_, cancel_,
                                    project_, store_.get()}));
  }
  std::unique_ptr<Sink> Opened(const std::string& yaml) {
    auto sink = Make(yaml);
    Must(sink->Open(std::vector<SchemaRef>{Alerts()}));
    return sink;
  }
  static Batch Rows(const std::vector<std::string>& stations, double temperature = 41.5) {
    Chunk chunk;
    chunk.schema = Alerts();
    arrow::StringBuilder names;
    arrow::DoubleBuilder values;
    for (const std::string& station : stations) {
      EXPECT_TRUE(names.Append(station).ok());
      EXPECT_TRUE(values.Append(temperature).ok());
      chunk.ops.push_back(Op::kInsert);
      chunk.seq.push_back(static_cast<uint32_t>(chunk.seq.size()));
    }
    chunk.rows = arrow::RecordBatch::Make(chunk.schema->arrow,
                                          static_cast<int64_t>(stations.size()),
                                          {*names.Finish(), *values.Finish()});
    Batch batch;
    batch.shard = "s";
    batch.chunks.push_back(std::move(chunk));
    return batch;
  }
  Status Write(Sink* sink, const Batch& batch) { return sink->Write(batch, &rejects_); }
  std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    for (const auto& request : server_.requests()) {
      texts.push_back(Json::parse(request.body).at("text"));
    }
    return texts;
  }
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    for (const auto& request : server_.requests()) {
      ids.push_back(
          Json::parse(request.body).at(Json::json_pointer("/metadata/event_payload/id")));
    }
    return ids;
  }
  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(folder_ / "log").rdbuf();
    return text.str();
  }

  TestFolder folder_{"notify"};
  FakeClock clock_;
  CancelToken cancel_;
  ProjectSettings project_;
  Registry registry_;
  std::unique_ptr<Store> store_;
  int log_fd_ = -1;
  std::unique_ptr<Logger> log_;
  HttpTestServer server_;
  std::vector<DeadLetter> rejects_;
};

TEST_F(NotifySinkTest, SendsRowsInOrderAndNotTooFast) {
  auto sink = Opened(Slack());
  const SteadyTime start = clock_.Now();
  Must(Write(sink.get(), Rows({"Łódź <&>", "b", "c"})));
  EXPECT_THAT(Texts(), ElementsAre("*Łódź &lt;&amp;&gt;*: 41.5 °C", "*b*: 41.5 °C",
                                   "*c*: 41.5 °C"));
  EXPECT_EQ(clock_.Now() - start, std::chrono::seconds(2));
  const auto first = server_.requests()[0];
  EXPECT_EQ(first.method, "POST");
  EXPECT_EQ(first.path, kPath);
  EXPECT_EQ(first.get_header_value("Content-Type"), "application/json");
  EXPECT_THAT(rejects_, IsEmpty());
  Must(Commit(sink.get(), 1, "P", "Q"));
  Must(Write(sink.get(), Rows({"d"})));
  const std::vector<std::string> ids = Ids();
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 4u) << "each has an id of its own";
}

TEST_F(NotifySinkTest, AWebhookGetsTheRowItsIdAndASignature) {
  auto sink = Opened("webhook: {url: \"" + server_.url("/in?k=1") +
                     "\", method: PUT, headers: {Authorization: Bearer xyz}, "
                     "secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz}\n");
  const SteadyTime start = clock_.Now();
  Must(Write(sink.get(), Rows({"a", "b"})));
  EXPECT_EQ(clock_.Now(), start);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 2u);
  const Json body = Json::parse(requests[0].body);
  EXPECT_EQ(body.at("row"), Json::parse(R"({"station":"a","temperature":41.5})"));
  EXPECT_EQ(body.at("pipeline"), "p");
  EXPECT_EQ(body.at("table"), "weather.alerts");
  const std::string id = body.at("id");
  EXPECT_EQ(requests[0].method, "PUT");
  EXPECT_EQ(requests[0].get_header_value("Authorization"), "Bearer xyz");
  EXPECT_EQ(requests[0].get_header_value("Idempotency-Key"), id);
  EXPECT_EQ(requests[0].get_header_value("webhook-id"), id);
  EXPECT_EQ(requests[0].get_header_value("webhook-signature"),
            Signature("012345678901234567890123", id,
                      std::stoll(requests[0].get_header_value("webhook-timestamp")),
                      requests[0].body));
}

TEST_F(NotifySinkTest, DeletesMakeNoMessage) {
  auto sink = Opened(Slack());
  Batch batch = Rows({"a", "b", "c"});
  batch.chunks[0].ops = {Op::kRead, Op::kDelete, Op::kUpdate};
  Must(Write(sink.get(), batch));
  EXPECT_THAT(Texts(), ElementsAre("*a*: 41.5 °C", "*c*: 41.5 °C"));
}

TEST_F(NotifySinkTest, AColumnThatIsNotThereIsAnErrorWithTheNearest) {
  auto sink = Make("slack: " + server_.url(kPath) + "\ntemplate: \"{statoin}\"\n");
  const Status opened = sink->Open(std::vector<SchemaRef>{Alerts()});
  EXPECT_EQ(opened.kind(), ErrorKind::kConfig);
  EXPECT_THAT(opened.message(),
              HasSubstr("notify.template names the column {statoin}, which "
                        "weather.alerts has not; did you mean \"station\"?"));
  auto key = Make(Slack("key: \"{level}\"\ncooldown: 1m\n"));
  Must(key->Open({}));  // the table comes up later
  const Status written = Write(key.get(), Rows({"a"}));
  EXPECT_EQ(written.kind(), ErrorKind::kConfig);
  EXPECT_THAT(written.message(), HasSubstr("it has: station, temperature"));
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(NotifySinkTest, TheSameIsToldOnceWithinTheCooldown) {
  const std::string yaml = Slack("key: \"{station}\"\ncooldown: 10m\n");
  auto sink = Opened(yaml);
  Must(Write(sink.get(), Rows({"a", "b", "a", "a"})));
  EXPECT_THAT(Texts(), ElementsAre("*a*: 41.5 °C", "*b*: 41.5 °C"));
  Must(Commit(sink.get(), 1, "P", "Q"));
  sink = Opened(yaml);  // a restart
  Must(Write(sink.get(), Rows({"a"})));
  EXPECT_EQ(Texts().size(), 2u);
  clock_.Advance(std::chrono::minutes(10));
  Must(Write(sink.get(), Rows({"a", "b"})));
  EXPECT_THAT(Texts(), ElementsAre("*a*: 41.5 °C", "*b*: 41.5 °C",
                                   "*a*: 41.5 °C\n(3 more like it were left out)",
                                   "*b*: 41.5 °C"));
}

TEST_F(NotifySinkTest, WithoutAKeyTheTextIsIt) {
  auto sink = Opened(Slack("cooldown: 10m\n"));
  Must(Write(sink.get(), Rows({"a", "a"}, 1)));
  Must(Write(sink.get(), Rows({"a", "a"}, 2)));
  EXPECT_THAT(Texts(), ElementsAre("*a*: 1.0 °C", "*a*: 2.0 °C"));
}

TEST_F(NotifySinkTest, WaitsAsLongAsItIsTold) {
  server_.Script({{.code = 429, .headers = {{"Retry-After", "30"}}},
                  {.code = 429, .headers = {{"Retry-After", "7"}}}});
  auto sink = Opened(Slack());
  const SteadyTime start = clock_.Now();
  Must(Write(sink.get(), Rows({"a"})));
  EXPECT_EQ(clock_.Now() - start, std::chrono::seconds(37));
  EXPECT_EQ(Texts().size(), 3u);
  EXPECT_THAT(Log(), HasSubstr("told to send more slowly"));
}

TEST_F(NotifySinkTest, ARefusedMessageIsADeadLetter) {
  server_.Script({{.code = 400, .body = "invalid_payload"},
                  {},
                  {.code = 413, .body = std::string("too\nlong ") + kPath}});
  auto sink = Opened(Slack());
  Must(Write(sink.get(), Rows({"a", "b", "c"})));
  ASSERT_EQ(rejects_.size(), 2u);
  EXPECT_EQ(rejects_[0].table, "weather.alerts");
  EXPECT_THAT(rejects_[0].reason,
              HasSubstr("refused the message with 400: invalid_payload"));
  EXPECT_EQ(Json::parse(rejects_[0].row).at("station"), "a");
  EXPECT_THAT(rejects_[1].reason, HasSubstr("413: too long ***"));
  // The epoch is dropped and read again: the letters come again, the messages do not.
  rejects_.clear();
  sink = Opened(Slack());
  Must(Write(sink.get(), Rows({"a", "b", "c", "d"})));
  EXPECT_EQ(rejects_.size(), 2u);
  EXPECT_EQ(server_.requests().size(), 4u);
}

TEST_F(NotifySinkTest, Scar_30_ErrorsSayWhatToDoWithoutTheSecret) {
  struct Case {
    HttpTestServer::Reply reply;
    ErrorKind kind;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{.code = 404, .body = "no_service"},
       ErrorKind::kConfig,
       "404: no_service; the web"},
      {{.code = 403, .body = std::string("no ") + kPath},
       ErrorKind::kConfig,
       "403: no ***"},
      {{.code = 410, .body = "channel_is_archived"},
       ErrorKind::kConfig,
       "make a new one"},
      {{.code = 400, .body = "user_not_found"}, ErrorKind::kConfig, "user_not_found"},
      {{.code = 302}, ErrorKind::kConfig, "redirects are not followed"},
      {{.code = 500, .body = "rollup_error"},
       ErrorKind::kTransient,
       "answered 500: rollup"},
      {{.code = 503, .body = ""}, ErrorKind::kTransient, "answered 503"},
      {{.code = 408}, ErrorKind::kTransient, "408"},
      {{.code = 429}, ErrorKind::kTransient, "429"},
      {{.lost = true}, ErrorKind::kTransient, "sending to http://127.0.0.1"}};
  for (const Case& c : cases) {
    server_.Script({c.reply});
    auto sink = Opened(Slack());
    const Status written = Write(sink.get(), Rows({"a"}));
    EXPECT_EQ(written.kind(), c.kind) << written.ToString();
    EXPECT_THAT(written.message(), HasSubstr(c.says));
    EXPECT_THAT(written.message(), Not(HasSubstr("verysecretpath")));
  }
  EXPECT_THAT(rejects_, IsEmpty());
  EXPECT_THAT(Log(), Not(HasSubstr("verysecretpath")));
}

TEST_F(NotifySinkTest, AMessageIsSentAgainByTheSameIdAndNoOther) {
  server_.Script({{}, {.lost = true}});
  auto sink = Opened(Slack());
  EXPECT_EQ(Write(sink.get(), Rows({"a", "b", "c"})).kind(), ErrorKind::kTransient);
  Must(sink->Abort());
  sink = Opened(Slack());
  Must(Write(sink.get(), Rows({"a", "b", "c"})));
  EXPECT_THAT(Texts(), ElementsAre("*a*: 41.5 °C", "*b*: 41.5 °C", "*b*: 41.5 °C",
                                   "*c*: 41.5 °C"));
  const std::vector<std::string> ids = Ids();
  EXPECT_EQ(ids[1], ids[2]);
  EXPECT_NE(ids[2], ids[3]);
}

TEST_F(NotifySinkTest, LeavesWhileItWaits) {
  auto sink = Opened(Slack());
  Must(Write(sink.get(), Rows({"a"})));
  cancel_.Cancel();
  EXPECT_EQ(Write(sink.get(), Rows({"b"})).kind(), ErrorKind::kCancelled);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(NotifySinkTest, CheckConnectsAndSendsNothing) {
  const SinkType* type = registry_.FindSink("notify");
  const Context context{"p",     folder_ / "cache", clock_, *log_,
                        cancel_, project_,          nullptr};
  auto items = Must(type->check(Must(ParseConfig(type->spec, Slack())), context));
  ASSERT_EQ(items.size(), 1u);
  EXPECT_TRUE(items[0].ok);
  EXPECT_THAT(items[0].what, HasSubstr("nothing was sent"));
  EXPECT_THAT(server_.requests(), IsEmpty());
  const std::string https = "https" + server_.url(kPath).substr(4);
  items = Must(type->check(
      Must(ParseConfig(type->spec, "slack: " + https + "\ntemplate: a\n")), context));
  EXPECT_FALSE(items[0].ok);
  EXPECT_THAT(items[0].remedy, Not(IsEmpty()));
  EXPECT_THAT(items[0].what, Not(HasSubstr("verysecretpath")));
}

}  // namespace
}  // namespace leat::notify
