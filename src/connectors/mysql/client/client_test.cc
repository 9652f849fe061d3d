#include "connectors/mysql/client/client.h"

#include <gmock/gmock.h>

#include "connectors/mysql/client/checks.h"
#include "connectors/mysql/snapshot/snapshot_testing.h"

namespace leat::mysql {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ServerVersionTest, KnowsBothKinds) {
  EXPECT_EQ(ParseServerVersion("9.7.4-2").version, 90704);
  EXPECT_FALSE(ParseServerVersion("8.0.36-0ubuntu0.22.04.1").mariadb);
  ServerInfo maria = ParseServerVersion("5.5.5-10.11.19-MariaDB-0+deb12u1-log");
  EXPECT_TRUE(maria.mariadb);
  EXPECT_EQ(maria.version, 101119);
  EXPECT_TRUE(maria.AtLeast(100600));
}

TEST(QuoteTest, KeepsTextFromBecomingSql) {
  EXPECT_EQ(QuoteText("shop"), "'shop'");
  EXPECT_EQ(QuoteText("o'clock"), "_utf8mb4 x'6f27636c6f636b'");
  EXPECT_EQ(QuoteText("\\"), "_utf8mb4 x'5c'");
  EXPECT_EQ(QuoteTable("a`b", "c"), "`a``b`.`c`");
}

TEST(ErrorKindTest, NamesTheReaction) {
  EXPECT_EQ(KindOfError(1045), ErrorKind::kConfig);
  EXPECT_EQ(KindOfError(1049), ErrorKind::kConfig);
  EXPECT_EQ(KindOfError(1040), ErrorKind::kTransient);
  EXPECT_EQ(KindOfError(1213), ErrorKind::kTransient);
  EXPECT_EQ(KindOfError(2002), ErrorKind::kTransient);
  EXPECT_EQ(KindOfError(2013), ErrorKind::kTransient);
}

class ClientTest : public LiveServerTest {
 protected:
  Status ConnectAs(const std::string& user, const std::string& more) {
    auto url =
        Url::Parse(fmt::format("mysql://{}@127.0.0.1:{}/{}", user, url_.port, more));
    return url.ok() ? Client::Connect(*url).status() : url.status();
  }
};

TEST_P(ClientTest, Scar_30_AWrongPasswordIsNotShown) {
  Status status = ConnectAs(url_.user + ":canary", database_);
  EXPECT_EQ(status.kind(), ErrorKind::kConfig);
  EXPECT_THAT(status.message(), HasSubstr("Access denied"));
  EXPECT_THAT(status.message(), HasSubstr(fmt::format("127.0.0.1:{}", url_.port)));
  EXPECT_THAT(status.message(), Not(HasSubstr("canary")));
}

TEST_P(ClientTest, TheSessionIsNeutral) {
  EXPECT_EQ(AskOne("SELECT @@session.time_zone"), "+00:00");
  EXPECT_EQ(AskOne("SELECT @@session.sql_mode"), "");
  EXPECT_EQ(AskOne("SELECT @@session.character_set_results"), "utf8mb4");
}

TEST_P(ClientTest, VerifyRefusesACertificateOfNobody) {
  std::string user = url_.user + ":" + url_.RevealPassword();
  Status status = ConnectAs(user, database_ + "?tls=verify");
  EXPECT_EQ(status.kind(), ErrorKind::kConfig) << status.ToString();
}

TEST_P(ClientTest, InterruptEndsAStatement) {
  auto client = Client::Connect(url_);
  ASSERT_TRUE(client.ok());
  std::thread other([&] {
    while (Ask("SHOW PROCESSLIST").size() < 2) {
    }
    (*client)->Interrupt();
  });
  EXPECT_EQ((*client)->Execute("SELECT SLEEP(300)").kind(), ErrorKind::kTransient);
  other.join();
}

TEST_P(ClientTest, ChecksNameTheGrantThatIsMissing) {
  Run("CREATE TABLE t (id INT PRIMARY KEY)");
  Run("DROP USER IF EXISTS leat_poor@'%'");
  Run("CREATE USER leat_poor@'%' IDENTIFIED BY 'pw'");
  Run("GRANT SELECT ON " + database_ + ".* TO leat_poor@'%'");
  auto url = Url::Parse(
      fmt::format("mysql://leat_poor:pw@127.0.0.1:{}/{}", url_.port, database_));
  auto client = Client::Connect(*url);
  ASSERT_TRUE(client.ok()) << client.status().ToString();
  auto checks = CheckServer(client->get(), {}, *TablePatterns::Parse({"t"}, database_));
  ASSERT_TRUE(checks.ok()) << checks.status().ToString();
  Status required = RequireAll(*checks, url->Where());
  EXPECT_EQ(required.kind(), ErrorKind::kConfig);
  EXPECT_THAT(required.message(),
              HasSubstr("GRANT REPLICATION SLAVE ON *.* TO leat_poor@'%'"));
  auto typo = CheckServer(client->get(), {false, false},
                          *TablePatterns::Parse({"tt"}, database_));
  EXPECT_THAT(RequireAll(*typo, "there").message(), HasSubstr("did you mean \"t\""));
  Run("DROP USER leat_poor@'%'");
}

INSTANTIATE_TEST_SUITE_P(Live, ClientTest, LiveServers(), LiveServerName);

}  // namespace
}  // namespace leat::mysql
