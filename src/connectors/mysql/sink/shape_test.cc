#include "connectors/mysql/sink/shape.h"

#include <arrow/type.h>
#include <gmock/gmock.h>

#include "base/testing.h"

namespace leat::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const ServerInfo kMariaServer = ParseServerVersion("10.11.6-MariaDB");
const ServerInfo kMysql = ParseServerVersion("9.7.0");

SchemaRef SourceShape(std::vector<Column> columns, std::vector<int> key = {0}) {
  return TableSchema::Make({"shop", "", "t"}, std::move(columns), std::move(key));
}

std::string TypeIn(const Column& column, bool key, const ServerInfo& server) {
  return Must(TypeSql(*SourceShape({column}), column, key, server));
}

TEST(TypeSqlTest, TakesTheSourcesOwnType) {
  EXPECT_EQ(TypeIn({"c", arrow::utf8(), true, "varchar(20)"}, false, kMysql),
            "varchar(20)");
  EXPECT_EQ(TypeIn({"c", arrow::utf8(), true, "varchar(20)"}, true, kMariaServer),
            "varchar(20) COLLATE utf8mb4_nopad_bin");
  EXPECT_EQ(TypeIn({"c", arrow::decimal128(20, 0), true, "bigint unsigned"}, false,
                   kMariaServer),
            "bigint unsigned");
  EXPECT_EQ(TypeIn({"c", arrow::utf8(), true, "varchar(65000)"}, false, kMariaServer),
            "mediumtext");
  EXPECT_EQ(TypeIn({"c", arrow::utf8(), true, "uuid"}, false, kMariaServer), "uuid");
  EXPECT_EQ(TypeIn({"c", arrow::utf8(), true, "uuid"}, false, kMysql), "char(36)");
}

TEST(TypeSqlTest, AnotherKindOfSourceGoesByArrow) {
  // Words that mean something else to MySQL, or nothing.
  EXPECT_EQ(TypeIn({"c", arrow::int64(), true, "int"}, false, kMysql), "bigint");
  EXPECT_EQ(TypeIn({"c", arrow::utf8(), true, "character varying"}, false, kMysql),
            "longtext");
  EXPECT_EQ(TypeIn({"c", arrow::boolean(), true, ""}, false, kMysql), "tinyint(1)");
  EXPECT_EQ(TypeIn({"c", arrow::utf8(), true, ""}, true, kMysql),
            "varchar(255) COLLATE utf8mb4_0900_bin");
  const Column list{"c", arrow::list(arrow::int32()), true, ""};
  const auto refused = TypeSql(*SourceShape({list}), list, false, kMysql);
  EXPECT_EQ(refused.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(refused.status().message(), HasSubstr("column `c`"));
}

TEST(CreateTableTest, ARowThatIsTooWideKeepsItsTextElsewhere) {
  std::vector<Column> columns = {{"id", arrow::int64(), false, "bigint"}};
  for (int i = 0; i < 6; i++) {
    columns.push_back({"c" + std::to_string(i), arrow::utf8(), true, "varchar(4000)"});
  }
  const Shape shape = Must(Shape::Make(SinkOptions(), SourceShape(columns)));
  const std::string sql = Must(CreateTableSql({"copy", "", "t"}, shape, kMysql));
  EXPECT_THAT(sql, HasSubstr("`id` bigint NOT NULL"));
  EXPECT_THAT(sql, HasSubstr("mediumtext"));
  EXPECT_THAT(sql, HasSubstr("varchar(4000)"));
  EXPECT_THAT(sql, HasSubstr("PRIMARY KEY (`id`)"));
}

TEST(IsWiderTest, HoldsEveryValueOfTheOther) {
  const std::vector<std::pair<const char*, const char*>> wider = {
      {"int(11)", "bigint"},
      {"tinyint(3) unsigned", "int unsigned"},
      {"varchar(5)", "varchar(6)"},
      {"char(5)", "varchar(10)"},
      {"varchar(5)", "text"},
      {"text", "longtext"},
      {"decimal(10,2)", "decimal(12,2)"},
      {"decimal(10,2)", "decimal(12,4)"},
      {"float", "double"},
      {"datetime", "datetime(3)"},
      {"bit(3)", "bit(9)"},
      {"enum('a','b')", "enum('a','b','c')"},
      {"varbinary(5)", "blob"}};
  for (const auto& [from, to] : wider) {
    EXPECT_TRUE(IsWider(from, to)) << from << " to " << to;
    EXPECT_FALSE(IsWider(to, from)) << to << " to " << from;
    EXPECT_FALSE(IsWider(from, from)) << from;
  }
  EXPECT_FALSE(IsWider("decimal(10,2)", "decimal(11,4)"));
  EXPECT_FALSE(IsWider("int", "bigint unsigned"));
  EXPECT_FALSE(IsWider("varchar(100)", "tinytext"));
  EXPECT_FALSE(IsWider("int", "varchar(20)"));
}

TEST(AlterTableTest, FollowsNamesAndTypes) {
  const auto text = arrow::utf8();
  const Shape before = Must(
      Shape::Make(SinkOptions(), SourceShape({{"id", arrow::int32(), false, "int"},
                                              {"a", text, true, "varchar(5)"},
                                              {"gone", arrow::int32(), false, "int"}})));
  const Shape now = Must(
      Shape::Make(SinkOptions(), SourceShape({{"id", arrow::int32(), false, "int"},
                                              {"b", text, true, "varchar(9)"},
                                              {"fresh", arrow::int32(), false, "int"}})));
  TargetTable target;
  target.id = {"copy", "", "t"};
  target.columns = {{"id", "int", "int(11)", "", false},
                    {"A", "varchar", "varchar(5)", "utf8mb4_bin"},
                    {"gone", "int", "int(11)", "", false}};
  EXPECT_THAT(Must(AlterTableSql(target, &before, now, {"id", "a", ""}, kMysql)),
              ElementsAre("ALTER TABLE `copy`.`t` RENAME COLUMN `A` TO `b`",
                          "ALTER TABLE `copy`.`t` MODIFY COLUMN `b` varchar(9) NULL",
                          "ALTER TABLE `copy`.`t` ADD COLUMN `fresh` int NULL",
                          "ALTER TABLE `copy`.`t` MODIFY COLUMN `gone` int(11) NULL"));
  // Somebody's own table is not widened for a source that did not change.
  target.columns[1] = {"b", "varchar", "varchar(3)", ""};
  target.columns.push_back({"fresh", "int", "int(11)", ""});
  target.columns[2].nullable = true;
  EXPECT_THAT(Must(AlterTableSql(target, nullptr, now, {}, kMysql)), IsEmpty());
  target.ours = true;
  EXPECT_THAT(Must(AlterTableSql(target, nullptr, now, {}, kMysql)),
              ElementsAre("ALTER TABLE `copy`.`t` MODIFY COLUMN `b` varchar(9) NULL"));
}

}  // namespace
}  // namespace leat::mysql
