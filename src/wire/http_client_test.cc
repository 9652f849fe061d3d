#include "wire/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "wire/http_testing.h"

namespace leat {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HttpClientTest, SendsAndAnswers) {
  HttpTestServer server;
  server.Script({{.code = 418, .body = "short and stout"}, {}});
  HttpClient http({.user = "u", .password = "p"});
  const HttpAnswer answer = Must(http.Send(
      {"PUT", server.url("/a?b=c"), {"X-One: 1", "Content-Type: text/x"}, "hi"}));
  EXPECT_EQ(answer.code, 418);
  EXPECT_EQ(answer.body, "short and stout");
  EXPECT_FALSE(answer.retry_after);
  EXPECT_EQ(Must(http.Send({"GET", server.url("/two"), {}, ""})).code, 200);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].method, "PUT");
  EXPECT_EQ(requests[0].target, "/a?b=c");
  EXPECT_EQ(requests[0].body, "hi");
  EXPECT_EQ(requests[0].get_header_value("X-One"), "1");
  EXPECT_EQ(requests[0].get_header_value("Content-Type"), "text/x");
  EXPECT_EQ(requests[0].get_header_value("Authorization"), "Basic dTpw");
  EXPECT_EQ(requests[1].method, "GET");
  EXPECT_FALSE(requests[1].has_header("X-One")) << "headers of the request before";
}

TEST(HttpClientTest, UnderstandsRetryAfter) {
  HttpTestServer server;
  server.Script({{.code = 429, .headers = {{"Retry-After", "30"}}}});
  HttpClient http({});
  const HttpAnswer answer = Must(http.Send({"POST", server.url(), {}, "{}"}));
  EXPECT_EQ(answer.retry_after, std::chrono::seconds(30));
}

TEST(HttpClientTest, FollowsNoRedirect) {
  HttpTestServer server, other;
  server.Script({{.code = 308, .headers = {{"Location", other.url("/steal")}}}});
  HttpClient http({});
  EXPECT_EQ(Must(http.Send({"POST", server.url(), {}, "{}"})).code, 308);
  EXPECT_TRUE(other.requests().empty());
}

TEST(HttpClientTest, ALostReplyIsTransient) {
  HttpTestServer server;
  server.Script({{.lost = true}});
  HttpClient http({});
  const auto answer = http.Send({"POST", server.url("/secret-path"), {}, "{}"});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().kind(), ErrorKind::kTransient);
  EXPECT_THAT(answer.status().message(), Not(HasSubstr("secret-path")));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClientTest, ErrorsHaveNothingOfTheUrlButItsHost) {
  std::string gone;
  {
    HttpTestServer server;
    gone = server.url("/secret-path");
  }
  HttpClient http({});
  const auto unreachable = http.Send({"POST", gone, {}, "{}"});
  ASSERT_FALSE(unreachable.ok());
  EXPECT_EQ(unreachable.status().kind(), ErrorKind::kTransient);
  const auto malformed = http.Send({"POST", "secret-path:\\ \\", {}, "{}"});
  ASSERT_FALSE(malformed.ok());
  EXPECT_EQ(malformed.status().kind(), ErrorKind::kConfig);
  const auto other = http.Send({"POST", "ftp://127.0.0.1/secret-path", {}, "{}"});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.status().kind(), ErrorKind::kConfig);
  for (const auto& answer : {unreachable, malformed, other}) {
    EXPECT_THAT(answer.status().message(), Not(HasSubstr("secret-path")));
  }
}

TEST(HttpClientTest, GivesUpWhenCancelled) {
  HttpTestServer server;
  CancelToken cancel;
  cancel.Cancel();
  HttpClient http({.cancel = &cancel});
  const auto answer = http.Send({"POST", server.url(), {}, "{}"});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().kind(), ErrorKind::kCancelled);
}

TEST(HttpClientTest, ConnectsWithoutARequest) {
  HttpTestServer server;
  HttpClient http({});
  EXPECT_TRUE(http.Connect(server.url()).ok());
  EXPECT_TRUE(server.requests().empty());
  // What answers here speaks no TLS.
  EXPECT_FALSE(http.Connect("https" + server.url().substr(4)).ok());
}

TEST(HttpClientTest, OriginsOfUrls) {
  EXPECT_EQ(HttpOrigin("https://hooks.slack.com/services/T/B/x"),
            "https://hooks.slack.com");
  EXPECT_EQ(HttpOrigin("http://user:pw@h:8080/x?y"), "http://h:8080");
  EXPECT_EQ(HttpOrigin("ftp://h/x"), "");
  EXPECT_EQ(HttpOrigin("hooks.slack.com/services"), "");
  EXPECT_EQ(HttpOrigin(""), "");
}

}  // namespace
}  // namespace leat
