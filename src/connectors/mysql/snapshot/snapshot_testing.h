// For tests of this folder against real servers: their urls come from
// LEAT_TEST_MARIADB_URL and LEAT_TEST_MYSQL_URL; a test without one is skipped and says
// so. Each test has a database of its own.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "connectors/mysql/client/client.h"

namespace leat::mysql {

class LiveServerTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* text = std::getenv(GetParam());
    if (!text) GTEST_SKIP() << GetParam() << " names no server";
    Result<Url> url = Url::Parse(text);
    ASSERT_TRUE(url.ok()) << url.status().ToString();
    url_ = *url;
    Result<std::unique_ptr<Client>> client = Client::Connect(url_);
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = *std::move(client);
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = test->name();
    database_ = "leat_" + name.substr(0, name.find('/'));
    Run("DROP DATABASE IF EXISTS " + database_);
    Run("CREATE DATABASE " + database_ + " CHARACTER SET utf8mb4");
    Run("USE " + database_);
    url_.database = database_;
  }
  void TearDown() override {
    if (client_) Run("DROP DATABASE IF EXISTS " + database_);
  }

  void Run(const std::string& sql) {
    Status status = client_->Execute(sql);
    ASSERT_TRUE(status.ok()) << status.ToString() << "\n" << sql.substr(0, 500);
  }
  Rows Ask(const std::string& sql) {
    Result<Rows> rows = client_->Query(sql);
    EXPECT_TRUE(rows.ok()) << rows.status().ToString() << "\n" << sql;
    return rows.ok() ? *std::move(rows) : Rows();
  }
  std::string AskOne(const std::string& sql) {
    Rows rows = Ask(sql);
    return rows.empty() || !rows[0][0] ? "" : *rows[0][0];
  }

  Url url_;
  std::string database_;
  std::unique_ptr<Client> client_;
};

// The numbers 0 to n-1 as rows of a column `seq`, on both kinds of server.
inline std::string Numbers(int n) {
  std::string digits =
      "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL "
      "SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL "
      "SELECT 8 UNION ALL SELECT 9)";
  return fmt::format(
      "(SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d AS seq FROM {0} a, {0} b, "
      "{0} c, {0} e, {0} f HAVING seq < {1}) numbers",
      digits, n);
}

inline auto LiveServers() {
  return testing::Values("LEAT_TEST_MARIADB_URL", "LEAT_TEST_MYSQL_URL");
}
inline std::string LiveServerName(const testing::TestParamInfo<const char*>& info) {
  return std::string_view(info.param).find("MARIADB") != std::string_view::npos
             ? "MariaDB"
             : "MySQL";
}

}  // namespace leat::mysql
