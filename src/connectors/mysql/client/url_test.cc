#include "connectors/mysql/client/url.h"

#include <gmock/gmock.h>

namespace leat::mysql {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(UrlTest, TakesEveryPart) {
  auto url = Url::Parse(
      "mysql://le%40t:p%3A%2Fw%25@db.example:3307/sh%20op?tls=verify&ca=/etc/ca%20.pem&"
      "connect_timeout=1500ms");
  ASSERT_TRUE(url.ok()) << url.status().ToString();
  EXPECT_EQ(url->user, "le@t");
  EXPECT_EQ(url->RevealPassword(), "p:/w%");
  EXPECT_EQ(url->host, "db.example");
  EXPECT_EQ(url->port, 3307);
  EXPECT_EQ(url->database, "sh op");
  EXPECT_EQ(url->tls, Url::Tls::kVerify);
  EXPECT_EQ(url->ca, "/etc/ca .pem");
  EXPECT_EQ(url->connect_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(url->Where(), "le@t@db.example:3307");
}

TEST(UrlTest, LeavesOutWhatMayBe) {
  auto url = Url::Parse("mysql://root@localhost");
  ASSERT_TRUE(url.ok()) << url.status().ToString();
  EXPECT_EQ(url->port, 3306);
  EXPECT_EQ(url->database, "");
  EXPECT_EQ(url->tls, Url::Tls::kPrefer);
  EXPECT_EQ(Url::Parse("mysql://u@[::1]:33/d")->Where(), "u@[::1]:33");
  EXPECT_EQ(Url::Parse("mysql://u@h?socket=/run/s.sock")->Where(), "u@/run/s.sock");
}

TEST(UrlTest, Scar_30_NoErrorShowsThePassword) {
  for (const char* text : {
           "mysql:/u:canary@h/d",
           "postgres://u:canary@h/d",
           "mysql://u:canary%@h/d",
           "mysql://u:can?ary@h/d",
           "mysql://u:p@can?ary@h/d",
           "mysql://u:canary@h:99999/d",
           "mysql://u:canary@h:x/d",
           "mysql://:canary@/d",
           "mysql://u:canary@/d",
           "mysql://u:canary@h/d?tls=maybe",
           "mysql://u:canary@h/d?connect_timeout=canary",
           "mysql://u:canary@h/d?ca=x",
           "mysql://u:canary@[::1/d",
       }) {
    auto url = Url::Parse(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.status().kind(), ErrorKind::kConfig);
    EXPECT_THAT(url.status().message(), Not(HasSubstr("ary"))) << text;
  }
}

}  // namespace
}  // namespace leat::mysql
