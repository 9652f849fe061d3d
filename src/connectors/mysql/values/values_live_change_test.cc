// Values on real servers beyond the mapping of types: partial images, zero dates, bytes
// that are no text, character sets against the servers' own conversion.
#include <gmock/gmock.h>

#include "connectors/mysql/log/live_rows.h"
#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

using testing::HasSubstr;

class ChangesLiveTest : public testing::TestWithParam<Flavor> {
 protected:
  void SetUp() override {
    if (!LiveServer::Given(GetParam())) {
      GTEST_SKIP() << LiveServer::Variable(GetParam()) << " names no server";
    }
  }
  static bool mysql() { return GetParam() == Flavor::kMySql; }
};

TEST_P(ChangesLiveTest, Scar_11_PartialJsonGivesTheWholeDocument) {
  if (!mysql()) GTEST_SKIP() << "MariaDB has no partial JSON";
  LiveServer server(GetParam(), "leat_partial");
  server.Run("CREATE TABLE t (id INT PRIMARY KEY, a JSON, n INT, b JSON, c JSON)");
  server.Run(R"(INSERT INTO t VALUES (1, '{"x": 1, "list": [1, 2, 3], "o": {"k": "v"}}',
                0, '[{"deep": {"er": [null]}}]', NULL))");
  server.Run("SET SESSION binlog_row_value_options=PARTIAL_JSON");
  std::vector<std::string> expected_a;
  std::vector<std::string> expected_b;
  auto note = [&] {
    const Rows rows = server.Query("SELECT a, b FROM t");
    expected_a.push_back(rows[0][0].value_or("null"));
    expected_b.push_back(rows[0][1].value_or("null"));
  };
  note();
  for (const char* change :
       {"a=JSON_SET(a, '$.x', 2)", "a=JSON_SET(a, '$.list[1]', 'two'), n=1",
        "a=JSON_SET(a, '$.new', JSON_OBJECT('z', 1.5e0), '$.o.k', NULL)",
        "a=JSON_REMOVE(a, '$.list[0]')", "b=JSON_SET(b, '$[0].deep.er[0]', 'x')",
        "a=JSON_SET(a, '$.list[last]', -1), b=JSON_REMOVE(b, '$[0].deep')",
        "a=JSON_SET(a, '$.\"a key. with [dots] \\\\\"q\\\\\" é\"', 1)",
        "a=JSON_REPLACE(a, '$.\"a key. with [dots] \\\\\"q\\\\\" é\"', 2)",
        "b=JSON_SET(b, '$[0].added', CAST('2024-01-01' AS DATE), '$[7]', 9)", "n=n+1",
        "a=JSON_SET(a, '$.new.z', REPEAT('long', 9000))", "b='{}'",
        "a=JSON_REMOVE(a, '$.new.z', '$.x')", "c='[1]', a=NULL"}) {
    server.Run(std::string("UPDATE t SET ") + change);
    note();
  }
  auto log = server.Log();
  EXPECT_TRUE(log["t"].rejects.empty()) << log["t"].rejects[0].reason;
  EXPECT_EQ(expected_a, Texts(*log["t"].rows, 1));
  EXPECT_EQ(expected_b, Texts(*log["t"].rows, 3));
}

TEST_P(ChangesLiveTest, Scar_11_ImagesThatLackColumnsStopThePipeline) {
  for (const char* image : {"MINIMAL", "NOBLOB"}) {
    LiveServer server(GetParam(), "leat_images");
    server.Run("CREATE TABLE t (id INT PRIMARY KEY, n INT, b TEXT)");
    server.Run("INSERT INTO t VALUES (1, 2, 'x')");
    server.Run(std::string("SET SESSION binlog_row_image=") + image);
    server.Run("UPDATE t SET n=3");
    auto log = server.Log();
    EXPECT_EQ(ErrorKind::kConfig, log["t"].error.kind());
    EXPECT_THAT(log["t"].error.message(), HasSubstr("SET GLOBAL binlog_row_image=FULL"));
    EXPECT_EQ(1, log["t"].rows->num_rows());
  }
}

TEST_P(ChangesLiveTest, Scar_14_ZeroDatesAreCountedOrDeadLetters) {
  LiveServer server(GetParam(), "leat_zero");
  server.Run("SET SESSION sql_mode='ALLOW_INVALID_DATES'");
  server.Run("CREATE TABLE t (id INT PRIMARY KEY, d DATE NOT NULL, t DATETIME(3) NULL)");
  server.Run(
      "INSERT INTO t VALUES (1, '0000-00-00', NULL), (2, '2024-02-31', NULL), "
      "(3, '2024-02-29', '2024-00-01 00:00:00'), (4, '2024-02-29', NULL)");
  server.Run("CREATE TABLE k (d DATE PRIMARY KEY)");
  server.Run("INSERT INTO k VALUES ('0000-00-00'), ('2024-01-01')");
  const TableRows nulls = server.Snapshot("t");
  EXPECT_EQ(4, nulls.rows->num_rows());
  EXPECT_EQ(3, nulls.zero_dates);
  auto log = server.Log();
  EXPECT_TRUE(nulls.rows->Equals(*log["t"].rows));
  EXPECT_EQ(3, log["t"].zero_dates);
  EXPECT_TRUE(log["t"].rows->schema()->field(1)->nullable());
  // A key is never null.
  EXPECT_EQ(1, log["k"].rows->num_rows());
  EXPECT_EQ(1u, log["k"].rejects.size());
  EXPECT_EQ(1u, server.Snapshot("k").rejects.size());

  const ValueOptions strict{ValueOptions::ZeroDates::kDeadLetter};
  log = server.Log(strict);
  for (const TableRows& rows : {server.Snapshot("t", strict), log["t"]}) {
    EXPECT_EQ(1, rows.rows->num_rows());
    EXPECT_EQ(0, rows.zero_dates);
    ASSERT_EQ(3u, rows.rejects.size());
    EXPECT_THAT(rows.rejects[0].reason, HasSubstr("`d`"));
    EXPECT_THAT(rows.rejects[0].reason, HasSubstr("0000-00-00"));
    EXPECT_THAT(rows.rejects[1].reason, HasSubstr("2024-02-31"));
    EXPECT_THAT(rows.rejects[2].reason, HasSubstr("`t`"));
    EXPECT_THAT(rows.rejects[2].row, HasSubstr("\"id\":"));
  }
}

TEST_P(ChangesLiveTest, Scar_16_BytesThatAreNoTextAreDeadLettersBothWays) {
  LiveServer server(GetParam(), "leat_bad_text");
  server.Run("SET SESSION sql_mode=''");
  server.Run(
      "CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(9) CHARACTER SET cp1251, "
      "e VARCHAR(9) CHARACTER SET gbk)");
  server.Run("INSERT INTO t VALUES (1, 'ж', 'a'), (2, x'98', 'b'), (3, 'a', x'8140')");
  auto log = server.Log();
  for (const TableRows& rows : {server.Snapshot("t"), log["t"]}) {
    EXPECT_EQ((std::vector<std::string>{"1", "3"}), Texts(*rows.rows, 0));
    EXPECT_EQ((std::vector<std::string>{"ж", "a"}), Texts(*rows.rows, 1));
    EXPECT_EQ((std::vector<std::string>{"a", "丂"}), Texts(*rows.rows, 2));
    ASSERT_EQ(1u, rows.rejects.size());
    EXPECT_THAT(rows.rejects[0].reason, HasSubstr("`c`"));
    EXPECT_THAT(rows.rejects[0].reason, HasSubstr("0x98"));
    EXPECT_THAT(rows.rejects[0].reason, HasSubstr("cp1251"));
  }
}

TEST_P(ChangesLiveTest, Scar_16_LabelsOutsideTheBasicPlaneComeFromTheLog) {
  LiveServer server(GetParam(), "leat_labels");
  server.Run(
      "CREATE TABLE t (id INT PRIMARY KEY, c ENUM('😀','x') CHARACTER SET utf8mb4)");
  server.Run("INSERT INTO t VALUES (1, '😀')");
  auto log = server.Log();
  EXPECT_EQ((std::vector<std::string>{"😀"}), Texts(*log["t"].rows, 1));
  EXPECT_EQ((std::vector<std::string>{"😀"}), Texts(*server.Snapshot("t").rows, 1));
}

// Every code of one and two bytes, as the server itself converts it.
TEST_P(ChangesLiveTest, Scar_16_CharacterSetsConvertAsTheServerDoes) {
  LiveServer server(GetParam(), "leat_charsets");
  server.Run("CREATE TABLE codes (b VARBINARY(4) PRIMARY KEY)");
  std::string insert;
  for (int code = 0x20; code < 0x10000; code++) {
    if (code > 0xff && code < 0x8000) continue;
    insert += (insert.empty() ? "INSERT INTO codes VALUES " : ",") +
              (code < 0x100 ? fmt::format("(x'{:02x}')", code)
                            : fmt::format("(x'{:04x}')", code));
    if (insert.size() < 100'000 && code != 0xffff) continue;
    server.Run(insert);
    insert.clear();
  }
  for (const Row& set : server.Query(
           "SELECT CHARACTER_SET_NAME, MAXLEN FROM information_schema.CHARACTER_SETS")) {
    SCOPED_TRACE(*set[0]);
    const Charset* charset = Charset::Named(*set[0]);
    ASSERT_TRUE(charset);
    EXPECT_EQ(std::stoi(*set[1]), charset->max_bytes());
    if (charset->utf8() || charset->binary() || charset->form() > Charset::Form::kMulti) {
      continue;
    }
    int compared = 0;
    for (const Row& row : server.Query(fmt::format(
             "SELECT b, CONVERT(CONVERT(b USING {0}) USING utf8mb4) FROM codes WHERE "
             "CHAR_LENGTH(CONVERT(b USING {0}))=1 AND HEX(CONVERT(b USING {0}))=HEX(b) "
             "AND CONVERT(CONVERT(CONVERT(b USING {0}) USING utf8mb4) USING {0})=b",
             *set[0]))) {
      if (row[1]->find('?') != row[1]->npos) continue;  // no character
      std::string ours;
      EXPECT_TRUE(charset->ToUtf8(*row[0], &ours)) << "of " << *row[1];
      EXPECT_EQ(*row[1], ours);
      compared++;
    }
    EXPECT_GT(compared, 90);
  }
}

TEST_P(ChangesLiveTest, CollationsHaveTheServersCharacterSets) {
  LiveServer server(GetParam(), "leat_collations");
  const char* query = mysql()
                          ? "SELECT ID, CHARACTER_SET_NAME, COLLATION_NAME FROM "
                            "information_schema.COLLATIONS"
                          : "SELECT ID, CHARACTER_SET_NAME, FULL_COLLATION_NAME FROM "
                            "information_schema.COLLATION_CHARACTER_SET_APPLICABILITY";
  const Rows rows = server.Query(query);
  EXPECT_GT(rows.size(), 200u);
  for (const Row& row : rows) {
    const Charset* charset = Charset::OfCollation(std::stoul(*row[0]));
    ASSERT_TRUE(charset) << *row[2];
    EXPECT_EQ(Charset::Named(*row[1]), charset) << *row[2];
    EXPECT_EQ(Charset::Named(*row[2]), charset) << *row[2];
  }
}

TEST_P(ChangesLiveTest, TemporalTypesInTheOldFormatAreTheSameBothWays) {
  if (mysql()) GTEST_SKIP() << "MySQL has none since 5.6";
  LiveServer server(GetParam(), "leat_old_times");
  server.Run("SET GLOBAL mysql56_temporal_format=OFF");
  server.Run("CREATE TABLE t (id INT PRIMARY KEY, d DATETIME, s TIMESTAMP NULL, t TIME)");
  server.Run("SET GLOBAL mysql56_temporal_format=ON");
  server.Run(
      "INSERT INTO t VALUES (1, '9999-12-31 23:59:59', '2038-01-19 03:14:07', "
      "'-838:59:59'), (2, '0000-00-00', NULL, '12:34:56'), "
      "(3, '1969-12-31 23:59:59', '1970-01-01 00:00:01', '-00:00:01')");
  auto log = server.Log();
  const TableRows snapshot = server.Snapshot("t");
  EXPECT_EQ(snapshot.def, log["t"].def);
  for (int c = 0; c < 4; c++) {
    EXPECT_EQ(Texts(*snapshot.rows, c), Texts(*log["t"].rows, c));
  }
}

TEST_P(ChangesLiveTest, GeneratedAndInvisibleColumnsAreTheSameBothWays) {
  LiveServer server(GetParam(), "leat_generated");
  server.Run(
      "CREATE TABLE t (id INT PRIMARY KEY, a INT, v INT AS (a+1) VIRTUAL, s INT AS "
      "(a+2) STORED, h INT INVISIBLE DEFAULT 7, KEY (v))");
  server.Run("INSERT INTO t (id, a) VALUES (1, 10), (2, NULL)");
  server.Run("UPDATE t SET a=11 WHERE id=1");
  server.Run("DELETE FROM t WHERE id=2");
  auto log = server.Log();
  const TableRows snapshot = server.Snapshot("t");
  EXPECT_EQ(snapshot.def, log["t"].def);
  EXPECT_TRUE(snapshot.rows->Equals(*log["t"].rows->Slice(2, 1)))
      << log["t"].rows->ToString();
}

INSTANTIATE_TEST_SUITE_P(Servers, ChangesLiveTest,
                         testing::Values(Flavor::kMariaDb, Flavor::kMySql),
                         [](const auto& info) {
                           return info.param == Flavor::kMariaDb ? "MariaDB" : "MySQL";
                         });

}  // namespace
}  // namespace leat::mysql
