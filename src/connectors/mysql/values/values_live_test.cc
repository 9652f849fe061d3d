// The master test: a row means the same, byte for byte, whether a snapshot or the log
// brought it. Each type, with its extreme values, on real servers.
#include "connectors/mysql/log/live_rows.h"

namespace leat::mysql {
namespace {

using testing::TestWithParam;

constexpr int kMaria = 1;
constexpr int kMySql = 2;
constexpr int kBoth = 3;

struct TypeCase {
  const char* type;
  std::vector<const char*> values;  // SQL expressions
  int servers = kBoth;
};

const std::vector<TypeCase>& NumberCases() {
  static const std::vector<TypeCase> cases = {
      {"TINYINT", {"-128", "127", "0", "NULL"}},
      {"TINYINT NOT NULL", {"-1"}},
      {"TINYINT(1)", {"0", "1", "-5"}},
      {"TINYINT UNSIGNED", {"0", "255"}},
      {"TINYINT(3) ZEROFILL", {"7", "255"}},
      {"SMALLINT", {"-32768", "32767"}},
      {"SMALLINT UNSIGNED", {"65535"}},
      {"MEDIUMINT", {"-8388608", "8388607", "-1"}},
      {"MEDIUMINT UNSIGNED", {"16777215"}},
      {"INT", {"-2147483648", "2147483647"}},
      {"INT UNSIGNED", {"0", "4294967295"}},
      {"INT(10) UNSIGNED ZEROFILL", {"42"}},
      {"BIGINT", {"-9223372036854775808", "9223372036854775807"}},
      {"BIGINT UNSIGNED", {"0", "9223372036854775808", "18446744073709551615"}},
      {"BOOL", {"TRUE", "FALSE", "NULL"}},
      {"BIT(1)", {"b'0'", "b'1'", "NULL"}},
      {"BIT(9)", {"b'0'", "b'111111111'", "b'100000000'"}},
      {"BIT(64)", {"0", "18446744073709551615", "1"}},
      {"DECIMAL(10,2)", {"-99999999.99", "99999999.99", "0", "-0.01", "NULL"}},
      {"DECIMAL(5,5)", {"-0.99999", "0.00001"}},
      {"DECIMAL(9,0) UNSIGNED", {"999999999"}},
      {"DECIMAL(18,9)", {"-999999999.999999999", "0.000000001"}},
      {"DECIMAL(20,3) ZEROFILL", {"12.5"}},
      {"DECIMAL(38,10)",
       {"9999999999999999999999999999.9999999999", "-9999999999999999999999999999.0"}},
      {"DECIMAL(39,0)", {"-999999999999999999999999999999999999999", "0"}},
      {"DECIMAL(65,30)",
       {"99999999999999999999999999999999999.999999999999999999999999999999",
        "-0.000000000000000000000000000001", "0", "-12345.5"}},
      {"DECIMAL(65,0) ZEROFILL", {"0", "17"}},
      {"FLOAT",
       {"3.4028234e38", "-3.4028234e38", "1.17549435e-38", "1e-45", "0.1", "16777217",
        "-0e0", "1/3", "NULL"}},
      {"FLOAT(10,3)", {"1234567.891", "0.0005"}},
      {"FLOAT UNSIGNED", {"0.3"}},
      {"DOUBLE",
       {"1.7976931348623157e308", "-1.7976931348623157e308", "-2.2250738585072014e-308",
        "4.9406564584124654e-324", "0.1", "-0e0", "1e22", "1e23", "123456789012345680",
        "PI()", "1/3e0", "5e-324", "9007199254740993", "-1.2345678901234567e-300"}},
      {"DOUBLE(20,3)", {"12345678901234.567", "-0.0005"}},
      {"YEAR", {"0", "1901", "2155", "2024", "NULL"}},
  };
  return cases;
}

const std::vector<TypeCase>& TimeCases() {
  static const std::vector<TypeCase> cases = {
      {"DATE",
       {"'1000-01-01'", "'9999-12-31'", "'1970-01-01'", "'0001-01-01'", "'2000-02-29'",
        "'1969-12-31'", "NULL"}},
      {"DATE", {"'0000-00-00'", "'2024-00-15'", "'2024-05-00'", "'0000-01-01'"}},
      {"DATE NOT NULL", {"'0000-00-00'", "'2024-01-01'"}},
      {"DATETIME",
       {"'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'0000-00-00 00:00:00'",
        "'1969-12-31 23:59:59'"}},
      {"DATETIME(1)", {"'2024-03-31 02:30:00.9'"}},
      {"DATETIME(2)", {"'2024-03-31 02:30:00.99'"}},
      {"DATETIME(3)", {"'2024-03-31 02:30:00.999'"}},
      {"DATETIME(4)", {"'2024-03-31 02:30:00.0001'"}},
      {"DATETIME(5)", {"'2024-03-31 02:30:00.99999'"}},
      {"DATETIME(6)", {"'9999-12-31 23:59:59.999999'", "'2024-00-00 01:02:03.000004'"}},
      {"TIMESTAMP NULL",
       {"'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "NULL",
        "'0000-00-00 00:00:00'"}},
      {"TIMESTAMP(1) NULL", {"'2024-10-27 01:30:00.5'"}},
      {"TIMESTAMP(3) NULL", {"'2024-10-27 01:30:00.555'"}},
      {"TIMESTAMP(6) NULL",
       {"'2038-01-19 03:14:07.999999'", "'1970-01-01 00:00:01.000001'"}},
      {"TIME", {"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'", "NULL"}},
      {"TIME(1)", {"'-00:00:00.1'", "'-00:00:01.9'", "'12:00:00.5'"}},
      {"TIME(2)", {"'-00:00:00.01'", "'-100:59:59.99'"}},
      {"TIME(3)", {"'-00:00:00.001'", "'-01:00:00.999'", "'-01:00:00.000'"}},
      {"TIME(4)", {"'-00:00:00.0001'", "'00:00:00.9999'"}},
      {"TIME(5)", {"'-00:00:00.00001'"}},
      {"TIME(6)", {"'-838:59:58.999999'", "'838:59:58.999999'", "'-00:00:00.000001'"}},
  };
  return cases;
}

const std::vector<TypeCase>& TextCases() {
  static const std::vector<TypeCase> cases = {
      {"CHAR(10) CHARACTER SET utf8mb4", {"''", "'abc'", "'é漢😀'", "'x  '", "NULL"}},
      {"CHAR(255) CHARACTER SET utf8mb4", {"REPEAT('😀',255)", "''"}},
      {"CHAR(0)", {"''", "NULL"}},
      {"VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
       {"'é漢😀 '", "'\\0\\n\\\"'"}},
      {"VARCHAR(63)", {"REPEAT('z',63)"}},
      {"VARCHAR(64) CHARACTER SET utf8mb4", {"REPEAT('😀',64)", "'a'"}},
      {"VARCHAR(300) CHARACTER SET latin1", {"REPEAT('é',300)", "'€'"}},
      {"VARCHAR(20) CHARACTER SET utf8mb3", {"'é漢'"}},
      {"CHAR(5) CHARACTER SET latin1", {"'éü€'", "UNHEX('818D8F909D')", "'a '"}},
      {"VARCHAR(9) CHARACTER SET ascii", {"'plain'"}},
      {"CHAR(9) CHARACTER SET ucs2", {"'é漢'", "'a '"}},
      {"VARCHAR(9) CHARACTER SET ucs2", {"'é漢 '"}},
      {"VARCHAR(9) CHARACTER SET utf16", {"'é漢😀'"}},
      {"VARCHAR(9) CHARACTER SET utf16le", {"'é漢😀'"}},
      {"CHAR(9) CHARACTER SET utf32", {"'é漢😀'"}},
      {"VARCHAR(9) CHARACTER SET gbk", {"'漢字，abc'"}},
      {"CHAR(9) CHARACTER SET gb2312", {"'汉字'"}},
      {"VARCHAR(9) CHARACTER SET gb18030", {"'漢😀é'"}, kMySql},
      {"VARCHAR(9) CHARACTER SET big5", {"'漢字'"}},
      {"VARCHAR(9) CHARACTER SET sjis", {"'日本語ｱ'"}},
      {"VARCHAR(9) CHARACTER SET cp932", {"'日本語①'"}},
      {"VARCHAR(9) CHARACTER SET ujis", {"'日本語'"}},
      {"VARCHAR(9) CHARACTER SET eucjpms", {"'日本語①'"}},
      {"VARCHAR(9) CHARACTER SET euckr", {"'한국어'"}},
      {"VARCHAR(9) CHARACTER SET latin2", {"'žluť'"}},
      {"VARCHAR(9) CHARACTER SET latin5", {"'ğış'"}},
      {"VARCHAR(9) CHARACTER SET latin7", {"'ąčę'"}},
      {"VARCHAR(9) CHARACTER SET cp1250", {"'žluť'"}},
      {"VARCHAR(9) CHARACTER SET cp1251", {"'жук'"}},
      {"VARCHAR(9) CHARACTER SET cp1256", {"'عرب'"}},
      {"VARCHAR(9) CHARACTER SET cp1257", {"'ąčę'"}},
      {"VARCHAR(9) CHARACTER SET koi8r", {"'жук'"}},
      {"VARCHAR(9) CHARACTER SET koi8u", {"'їжак'"}},
      {"VARCHAR(9) CHARACTER SET greek", {"'αβγ'"}},
      {"VARCHAR(9) CHARACTER SET hebrew", {"'שלום'"}},
      {"VARCHAR(9) CHARACTER SET tis620", {"'ไทย'"}},
      {"VARCHAR(9) CHARACTER SET swe7", {"'Åäö'"}},
      {"VARCHAR(9) CHARACTER SET macroman", {"'éü'"}},
  };
  return cases;
}

const std::vector<TypeCase>& BytesAndLabelsCases() {
  static const std::vector<TypeCase> cases = {
      {"TINYTEXT", {"''", "REPEAT('t',255)", "NULL"}},
      {"TEXT CHARACTER SET latin1", {"'é'"}},
      {"MEDIUMTEXT", {"REPEAT('m',70000)"}},
      {"LONGTEXT CHARACTER SET cp1251", {"'жук'"}},
      {"BINARY(4)", {"x'00000000'", "x'01020000'", "x'FFFFFFFF'", "''"}},
      {"BINARY(255)", {"x'00'", "REPEAT('x',255)"}},
      {"VARBINARY(10)", {"x'0100'", "''", "x'FF'"}},
      {"VARBINARY(300)", {"REPEAT('x',300)"}},
      {"TINYBLOB", {"x'00FF'"}},
      {"BLOB", {"x'00FF'", "''"}},
      {"MEDIUMBLOB", {"REPEAT(x'00',70000)"}},
      {"LONGBLOB", {"x'DEADBEEF'"}},
      {"ENUM('a','b','c''d','é漢','back\\\\slash','')",
       {"'a'", "'c''d'", "'é漢'", "'back\\\\slash'", "6", "NULL", "'wrong'"}},
      {"ENUM('я','жук') CHARACTER SET koi8r", {"'жук'", "'я'"}},
      {"SET('x','y','ü') CHARACTER SET latin1", {"''", "'x,ü'", "'x,y,ü'", "NULL"}},
      {"SET('1','2','3','4','5','6','7','8','9')", {"'1,9'", "'9'"}},
      {"GEOMETRY", {"POINT(1,-2)", "NULL", "ST_GeomFromText('LINESTRING(0 0,1 1)')"}},
      {"POINT", {"POINT(0.1,1e300)"}},
      {"POLYGON", {"ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"}},
      {"GEOMETRYCOLLECTION", {"ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2))')"}},
      {"POINT SRID 4326", {"ST_GeomFromText('POINT(10 20)',4326)"}, kMySql},
      {"VECTOR(3)", {"STRING_TO_VECTOR('[1,2.5,-3]')", "NULL"}, kMySql},
  };
  return cases;
}

const std::vector<TypeCase>& FlavoredCases() {
  static const std::vector<TypeCase> cases = {
      {"VARCHAR(50) COMPRESSED", {"'short'", "REPEAT('long ',10)", "''"}, kMaria},
      {"VARCHAR(300) CHARACTER SET latin1 COMPRESSED", {"REPEAT('é',300)"}, kMaria},
      {"BLOB COMPRESSED", {"REPEAT('x',60000)", "x'00'", "NULL"}, kMaria},
      {"TEXT COMPRESSED CHARACTER SET utf8mb4", {"REPEAT('é ',2000)"}, kMaria},
      {"INET6",
       {"'::'", "'::1'", "'ffff::'", "'::ffff:1.2.3.4'", "'::1.2.3.4'",
        "'1:0:2:0:3:0:0:4'", "'1:0:2:3:4:5:6:7'", "'fe80::1:0:0:1'", "NULL"},
       kMaria},
      {"INET4", {"'9.0.0.9'", "'1.2.3.4'", "'255.255.255.255'", "'10.1.0.0'"}, kMaria},
      {"UUID",
       {"'00000000-0000-0000-0000-000000000000'",
        "'123e4567-e89b-12d3-a456-426655440000'",
        "'6ccd780c-baba-1026-9564-5b8c656024db'",
        "'f47ac10b-58cc-4372-a567-0e02b2c3d400'",
        "'01890a5d-ac96-774b-bcce-b302099a8057'",
        "'ffffffff-ffff-ffff-ffff-ffffffffffff'"},
       kMaria},
      {"VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci",
       {"'é'"},
       kMaria},
      {"VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_uca1400_nopad_as_cs",
       {"'é'"},
       kMaria},
      {"VARCHAR(20) CHARACTER SET latin2 COLLATE latin2_general_nopad_ci",
       {"'ž'"},
       kMaria},
      {"VARCHAR(20) COLLATE utf8mb4_0900_ai_ci", {"'é'"}, kMySql},
  };
  return cases;
}

const std::vector<TypeCase>& JsonCases() {
  static const std::vector<TypeCase> cases = {
      {"JSON",
       {"NULL",
        "'null'",
        "'true'",
        "'[]'",
        "'{}'",
        "'\"\"'",
        "'1'",
        "'1.0'",
        "'-0.0'",
        "'1e20'",
        "'1e15'",
        "'1e16'",
        "'1e-5'",
        "'1e-15'",
        "'1e-14'",
        "'123456789.123456789'",
        "'12345678901234567'",
        "'18446744073709551615'",
        "'-9223372036854775808'",
        "'18446744073709551616'",
        "'0.1'",
        "'1.7e308'",
        "'5e-324'",
        "'32767'",
        "'32768'",
        "'-32769'",
        "'65536'",
        "'4294967296'",
        "'100000000000000000000'",
        "'1234567890123456.5'",
        "'0.000001'",
        "'2.5e-7'",
        "'{\"b\": 1, \"a\": [1, 2, {\"c\": null}], \"longer\": \"x\"}'",
        "'[\"q\\\\\"\\\\\\\\ \\\\n \\\\t \\\\u0001 \\\\u001f / é 漢 😀 \\\\u2028\"]'",
        "'{\"\": 0, \"é\": false}'"}},
      {"JSON",
       {("JSON_OBJECT('d', CAST('2024-02-29' AS DATE), 't', CAST('-12:34:56.789' AS "
         "TIME(6)), 'dt', CAST('2024-02-29 01:02:03.000004' AS DATETIME(6)))"),
        "JSON_ARRAY(CAST(1.50 AS DECIMAL(10,2)), -0.5, 12345678901234567890.123)",
        "JSON_ARRAY(CAST('0000-00-00' AS DATE), TIMESTAMP'2024-01-01 00:00:00')",
        "JSON_ARRAY(x'00FF', b'101', CAST('abc' AS BINARY))",
        "JSON_ARRAY(CAST(REPEAT('abc',60) AS BINARY), CAST(2024 AS YEAR))",
        "JSON_ARRAY(1.5e0, 1e0, PI(), -1e300, 1e-7)", "JSON_ARRAY(POINT(1,2))"},
       kMySql},
      {"JSON",
       {"CONCAT('[', REPEAT('\"0123456789\", ', 10000), '1]')",
        "CONCAT(REPEAT('[', 31), REPEAT(']', 31))",
        "CONCAT('{\"k\": \"', REPEAT('x', 70000), '\", \"n\": [1, 70000, 5000000000]}')",
        "CONCAT('[', REPEAT('\"0123456789\", ', 10000), '70000, -70000, true, null, "
        "1]')"}},
  };
  return cases;
}

std::string NameOf(Flavor flavor) {
  return flavor == Flavor::kMariaDb ? "MariaDB" : "MySQL";
}

class ValuesLiveTest : public TestWithParam<Flavor> {
 protected:
  void SetUp() override {
    if (!LiveServer::Given(GetParam())) {
      GTEST_SKIP() << LiveServer::Variable(GetParam()) << " names no server";
    }
  }

  static bool IsFor(const TypeCase& one) {
    return one.servers & (GetParam() == Flavor::kMariaDb ? kMaria : kMySql);
  }

  // A table for each case; then both ways must agree in everything.
  void Compare(const std::vector<TypeCase>& cases, const char* database) {
    LiveServer server(GetParam(), database);
    server.Run("SET SESSION sql_mode='', SESSION time_zone='+05:30'");
    for (size_t i = 0; i < cases.size(); i++) {
      if (!IsFor(cases[i])) continue;
      SCOPED_TRACE(cases[i].type);
      server.Run(
          fmt::format("CREATE TABLE t{} (id INT PRIMARY KEY, c {})", i, cases[i].type));
      int id = 0;
      for (const char* value : cases[i].values) {
        server.Run(fmt::format("INSERT INTO t{} VALUES ({}, {})", i, id++, value));
      }
      if (HasFatalFailure()) return;
    }
    server.Run("SET SESSION time_zone='+00:00'");
    auto log = server.Log();
    for (size_t i = 0; i < cases.size(); i++) {
      if (!IsFor(cases[i])) continue;
      SCOPED_TRACE(cases[i].type);
      const std::string table = fmt::format("t{}", i);
      const TableRows snapshot = server.Snapshot(table);
      const TableRows& stream = log[table];
      ASSERT_TRUE(stream.rows);
      CompareBoth(snapshot, stream);
      EXPECT_EQ(static_cast<int64_t>(cases[i].values.size()), snapshot.rows->num_rows());
    }
  }

  static void CompareBoth(const TableRows& snapshot, const TableRows& stream) {
    EXPECT_EQ(snapshot.def.key, stream.def.key);
    ASSERT_EQ(snapshot.def.columns.size(), stream.def.columns.size());
    for (size_t c = 0; c < snapshot.def.columns.size(); c++) {
      const ColumnDef& a = snapshot.def.columns[c];
      const ColumnDef& b = stream.def.columns[c];
      EXPECT_EQ(a, b) << a.source_type << " and " << b.source_type << ", " << a.length
                      << " and " << b.length;
    }
    EXPECT_TRUE(snapshot.rows->schema()->Equals(*stream.rows->schema()));
    EXPECT_EQ(snapshot.zero_dates, stream.zero_dates);
    for (const auto* rows : {&snapshot, &stream}) {
      EXPECT_TRUE(rows->rows->ValidateFull().ok()) << rows->rows->ValidateFull();
      for (const DeadLetter& reject : rows->rejects) {
        ADD_FAILURE() << reject.reason << " " << reject.row;
      }
    }
    for (int c = 0; c < snapshot.rows->num_columns(); c++) {
      EXPECT_EQ(Texts(*snapshot.rows, c), Texts(*stream.rows, c));
      EXPECT_TRUE(snapshot.rows->column(c)->Equals(
          stream.rows->column(c), arrow::EqualOptions().signed_zeros_equal(false)));
    }
  }
};

TEST_P(ValuesLiveTest, Scar_15_NumbersAreTheSameBothWays) {
  Compare(NumberCases(), "leat_values_numbers");
}

TEST_P(ValuesLiveTest, Scar_14_TimesAreTheSameBothWays) {
  Compare(TimeCases(), "leat_values_times");
}

TEST_P(ValuesLiveTest, Scar_16_TextAndBytesAreTheSameBothWays) {
  Compare(TextCases(), "leat_values_text");
  Compare(BytesAndLabelsCases(), "leat_values_bytes");
  Compare(FlavoredCases(), "leat_values_flavor");
}

TEST_P(ValuesLiveTest, Scar_17_JsonIsTheSameBothWays) {
  Compare(JsonCases(), "leat_values_json");
}

// One wide row of all of them, inserted and updated.
TEST_P(ValuesLiveTest, Scar_19_OneRowOfEveryTypeIsTheSameBothWays) {
  LiveServer server(GetParam(), "leat_values_wide");
  server.Run("SET SESSION sql_mode=''");
  std::string columns = "id INT, k VARCHAR(9) CHARACTER SET latin1";
  std::string values = "1, 'ké'";
  std::string set;
  int count = 0;
  for (const auto* cases : {&NumberCases(), &TimeCases(), &TextCases(),
                            &BytesAndLabelsCases(), &FlavoredCases(), &JsonCases()}) {
    for (const TypeCase& one : *cases) {
      if (!IsFor(one)) continue;
      columns += fmt::format(", c{} {}", count, one.type);
      values += fmt::format(", {}", one.values.front());
      set += fmt::format("{}c{}={}", count ? ", " : "", count, one.values.back());
      count++;
    }
  }
  server.Run("CREATE TABLE wide (" + columns + ", PRIMARY KEY (k, id)) CHARSET utf8mb4");
  server.Run("INSERT INTO wide VALUES (" + values + ")");
  const TableRows inserted = server.Snapshot("wide");
  server.Run("UPDATE wide SET " + set);
  const TableRows updated = server.Snapshot("wide");
  server.Run("DELETE FROM wide");
  auto log = server.Log();
  const TableRows& stream = log["wide"];
  ASSERT_EQ(3, stream.rows->num_rows());  // after the insert, after the update, deleted
  EXPECT_EQ((std::vector<int>{1, 0}), stream.def.key);
  EXPECT_TRUE(stream.rejects.empty()) << stream.rejects[0].reason;
  for (int c = 0; c < stream.rows->num_columns(); c++) {
    SCOPED_TRACE(stream.def.columns[static_cast<size_t>(c)].source_type);
    const auto exact = arrow::EqualOptions().signed_zeros_equal(false);
    const auto& column = *stream.rows->column(c);
    EXPECT_TRUE(inserted.rows->column(c)->Equals(column.Slice(0, 1), exact));
    EXPECT_TRUE(inserted.rows->column(c)->Equals(stream.before->column(c), exact));
    EXPECT_TRUE(updated.rows->column(c)->Equals(column.Slice(1, 1), exact));
    EXPECT_TRUE(updated.rows->column(c)->Equals(column.Slice(2, 1), exact));
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, ValuesLiveTest,
                         testing::Values(Flavor::kMariaDb, Flavor::kMySql),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace leat::mysql
