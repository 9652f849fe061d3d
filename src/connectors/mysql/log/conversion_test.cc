#include "connectors/mysql/log/conversion.h"

#include <gtest/gtest.h>

#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

ColumnDef TypedColumn(const std::string& type, bool nullable = true) {
  InformationSchemaColumn row;
  row.name = "c";
  row.data_type = type.substr(0, type.find_first_of("( "));
  row.column_type = type;
  row.nullable = nullable;
  bool text = type.starts_with("char") || type.starts_with("varchar") ||
              type.find("text") != std::string::npos || type.starts_with("enum");
  if (text) row.collation = "latin1_swedish_ci";
  size_t digits = type.find('(');
  if (digits != std::string::npos) row.octet_length = std::atoi(&type[digits + 1]);
  auto column = FromInformationSchema(row, Flavor::kMySql);
  EXPECT_TRUE(column.ok()) << type << ": " << column.status().ToString();
  return *column;
}

bool Keeps(const std::string& was, const std::string& definition) {
  ColumnDef column = TypedColumn(was);
  ColumnDef now = column;
  return KeepsValues(column, definition, &now);
}

TEST(Conversion, WiderTypesKeepValues) {
  for (const auto& [was, definition] : {
           std::pair{"int", "BIGINT NOT NULL COMMENT 'x'"},
           {"int", "bigint"},
           {"int", "INT FIRST"},
           {"tinyint unsigned", "SMALLINT"},
           {"int unsigned", "BIGINT UNSIGNED"},
           {"varchar(20)", "VARCHAR(500) DEFAULT 'NOT NULL'"},
           {"varchar(20)", "VARCHAR(20) CHARACTER SET utf8mb4"},
           {"varchar(20)", "TEXT"},
           {"char(5)", "VARCHAR(5)"},
           {"text", "MEDIUMTEXT"},
           {"blob", "LONGBLOB"},
           {"varbinary(3)", "VARBINARY(4)"},
           {"decimal(10,2)", "DECIMAL(12,2)"},
           {"float", "DOUBLE"},
           {"datetime(3)", "DATETIME(6)"},
           {"enum('a','b')", "ENUM('a', 'b', 'c')"},
           {"date", "DATE"},
       }) {
    if (std::string_view(definition).find("BIGINT NOT") == 0) {
      EXPECT_FALSE(Keeps(was, definition)) << "NULL becomes 0";
      ColumnDef column = TypedColumn(was, /*nullable=*/false);
      EXPECT_TRUE(KeepsValues(column, definition, nullptr));
      continue;
    }
    EXPECT_TRUE(Keeps(was, definition)) << was << " to " << definition;
  }
}

TEST(Conversion, OthersConvert) {
  for (const auto& [was, definition] : {
           std::pair{"bigint", "INT"},
           {"int", "INT UNSIGNED"},
           {"int unsigned", "INT"},
           {"int", "VARCHAR(20)"},
           {"int", "INT AS (1 + 1)"},
           {"varchar(20)", "VARCHAR(19)"},
           {"varchar(20)", "CHAR(20)"},
           {"varchar(20)", "VARCHAR(20) CHARSET ascii"},
           {"varchar(20)", "VARCHAR(20) BINARY"},
           {"varchar(20)", "VARBINARY(20)"},
           {"varchar(20)", "NATIONAL VARCHAR(20)"},
           {"varchar(100)", "TINYTEXT"},
           {"text", "BLOB"},
           {"binary(3)", "BINARY(4)"},
           {"bit(3)", "BIT(9)"},
           {"decimal(10,4)", "DECIMAL(10,2)"},
           {"decimal(10,2)", "DECIMAL(12,4)"},
           {"decimal(10,2)", "DECIMAL(12,2) UNSIGNED"},
           {"double", "FLOAT"},
           {"datetime(6)", "DATETIME"},
           {"datetime", "TIMESTAMP"},
           {"enum('a','b')", "ENUM('b', 'a')"},
           {"enum('a','b')", "ENUM('a')"},
           {"date", "DATETIME"},
       }) {
    EXPECT_FALSE(Keeps(was, definition)) << was << " to " << definition;
  }
}

TEST(Conversion, ACharacterSetThatIsNotNamedIsTheOneThatIs) {
  ColumnDef was = TypedColumn("varchar(20)");
  ColumnDef now = was;
  now.charset = Charset::Named("utf8mb4");
  EXPECT_TRUE(KeepsValues(was, "VARCHAR(30)", &now));
  now.charset = Charset::Named("ascii");
  EXPECT_FALSE(KeepsValues(was, "VARCHAR(30)", &now));
  EXPECT_FALSE(KeepsValues(was, "VARCHAR(30)", nullptr));
}

}  // namespace
}  // namespace leat::mysql
