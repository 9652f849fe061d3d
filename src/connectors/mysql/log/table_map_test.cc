#include "connectors/mysql/log/table_map.h"

#include <gmock/gmock.h>

#include "connectors/mysql/log/captured.h"
#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> SourceTypes(const TableDef& table) {
  std::vector<std::string> types;
  for (const ColumnDef& c : table.columns) {
    types.push_back(c.name + " " + c.source_type + (c.nullable ? "" : " not null"));
  }
  return types;
}

TEST(TableMapTest, ReadsMariaDbsFullMetadata) {
  auto map = ParseTableMap(Captured("maria_map"), Flavor::kMariaDb);
  ASSERT_TRUE(map.ok()) << map.status().ToString();
  EXPECT_TRUE(map->full);
  EXPECT_EQ("cap.t", map->table.id.ToString());
  EXPECT_THAT(map->table.key, ElementsAre(1, 0));
  EXPECT_THAT(
      SourceTypes(map->table),
      ElementsAre("id bigint unsigned not null", "k varchar(9) not null", "i int",
                  "mu mediumint unsigned", "d decimal(12,3)", "y year", "b1 bit(1)",
                  "b9 bit(9)", "f float", "dt date", "ts timestamp(3)", "dm datetime(6)",
                  "tm time(2)", "e enum('new','päid')", "s set('x','y')", "bin binary(4)",
                  "tx text", "g point", "n int"));
  EXPECT_EQ(Charset::Named("latin1"), map->table.columns[1].charset);
  EXPECT_EQ(Charset::Named("ucs2"), map->table.columns[16].charset);
  EXPECT_EQ(Charset::Binary(), map->table.columns[15].charset);
}

TEST(TableMapTest, ReadsMySqlsFullMetadata) {
  auto map = ParseTableMap(Captured("mysql_map"), Flavor::kMySql);
  ASSERT_TRUE(map.ok()) << map.status().ToString();
  EXPECT_THAT(SourceTypes(map->table),
              ElementsAre("id int not null", "j json", "v vector", "n json"));
  EXPECT_THAT(map->table.key, ElementsAre(0));
}

TEST(TableMapTest, PeeksAtTheName) {
  const std::string body = Captured("mysql_map");
  auto name = PeekTableMap(body);
  ASSERT_TRUE(name.ok());
  EXPECT_EQ("cap", name->database);
  EXPECT_EQ("j", name->table);
}

TEST(TableMapTest, WithoutFullMetadataNamesTheStatement) {
  const std::string body = Captured("mysql_map");
  // The part before the optional metadata: names, types, sizes and the null bitmap.
  const std::string bare = body.substr(0, body.find("\x01\x01", 20));
  auto map = ParseTableMap(bare, Flavor::kMySql);
  ASSERT_FALSE(map.ok());
  EXPECT_EQ(ErrorKind::kConfig, map.status().kind());
  EXPECT_THAT(map.status().message(), HasSubstr("SET GLOBAL binlog_row_metadata=FULL"));
  EXPECT_THAT(map.status().message(), HasSubstr("cap.j"));
}

TEST(TableMapTest, DescribesABareMapOrSaysThatItDoesNotFit) {
  const std::string body = Captured("mysql_map");
  auto full = ParseTableMap(body, Flavor::kMySql);
  const std::string bare = body.substr(0, body.find("\x01\x01", 20));
  auto map = ParseTableMap(bare, Flavor::kMySql, /*need_full=*/false);
  ASSERT_TRUE(map.ok()) << map.status().ToString();
  EXPECT_FALSE(map->full);
  TableMap described = *map;
  ASSERT_TRUE(DescribeFrom(full->table, &described).ok());
  EXPECT_EQ(full->table, described.table);

  TableDef other = full->table;
  other.columns[1].type = Type::kBlob;
  Status misfit = DescribeFrom(other, &*map);
  EXPECT_EQ(ErrorKind::kConfig, misfit.kind());
  EXPECT_THAT(misfit.message(), HasSubstr("`j`"));
  other.columns.pop_back();
  EXPECT_EQ(ErrorKind::kConfig, DescribeFrom(other, &*map).kind());
}

TEST(TableMapTest, AnyCutIsAnErrorAndNoCrash) {
  for (const char* name : {"maria_map", "mysql_map"}) {
    const std::string body = Captured(name);
    const Flavor flavor = name[1] == 'a' ? Flavor::kMariaDb : Flavor::kMySql;
    int whole = 0;
    for (size_t n = 0; n < body.size(); n++) {
      auto map = ParseTableMap(body.substr(0, n), flavor);
      // Between two items of the optional metadata there is nothing to miss.
      if (map.ok()) whole++;
    }
    EXPECT_LE(whole, 8) << name;
  }
}

TEST(TableMapTest, ImpossibleSizesAreMalformed) {
  std::string body = Captured("mysql_map");
  const size_t at = body.find("\x04\x04\x04", 16);  // the metadata of the JSON columns
  ASSERT_NE(body.npos, at);
  body[at] = 9;
  auto map = ParseTableMap(body, Flavor::kMySql);
  EXPECT_EQ(ErrorKind::kTransient, map.status().kind());
}

}  // namespace
}  // namespace leat::mysql
