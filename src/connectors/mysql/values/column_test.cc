#include "connectors/mysql/values/column.h"

#include <arrow/api.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ColumnDef CatalogColumn(std::string data_type, std::string column_type,
                        std::string collation = "", int64_t octets = -1) {
  auto column = FromInformationSchema({"c", std::move(data_type), std::move(column_type),
                                       std::move(collation), true, octets},
                                      Flavor::kMariaDb);
  EXPECT_TRUE(column.ok()) << column.status().ToString();
  return column.ok() ? *column : ColumnDef();
}

std::string Arrow(const ColumnDef& column) {
  auto type = ArrowType(column);
  return type.ok() ? (*type)->ToString() : type.status().ToString();
}

TEST(ColumnTest, MapsTypesAsTheDesignSays) {
  EXPECT_EQ("int32", Arrow(CatalogColumn("tinyint", "tinyint(1)")));
  EXPECT_EQ("int32", Arrow(CatalogColumn("mediumint", "mediumint(8) unsigned")));
  EXPECT_EQ("int64", Arrow(CatalogColumn("int", "int(10) unsigned")));
  EXPECT_EQ("int64", Arrow(CatalogColumn("bigint", "bigint(20)")));
  EXPECT_EQ("decimal128(20, 0)", Arrow(CatalogColumn("bigint", "bigint(20) unsigned")));
  EXPECT_EQ("decimal128(38, 10)", Arrow(CatalogColumn("decimal", "decimal(38,10)")));
  EXPECT_EQ("string", Arrow(CatalogColumn("decimal", "decimal(39,10)")));
  EXPECT_EQ("bool", Arrow(CatalogColumn("bit", "bit(1)")));
  EXPECT_EQ("binary", Arrow(CatalogColumn("bit", "bit(2)")));
  EXPECT_EQ("int64", Arrow(CatalogColumn("time", "time(3)")));
  EXPECT_EQ("timestamp[us]", Arrow(CatalogColumn("datetime", "datetime")));
  EXPECT_EQ("timestamp[us, tz=UTC]", Arrow(CatalogColumn("timestamp", "timestamp(6)")));
  EXPECT_EQ("binary", Arrow(CatalogColumn("varbinary", "varbinary(9)", "", 9)));
  EXPECT_EQ("string", Arrow(CatalogColumn("text", "text", "koi8r_general_ci")));
  EXPECT_EQ("string", Arrow(CatalogColumn("uuid", "uuid")));
  EXPECT_EQ("binary", Arrow(CatalogColumn("point", "point")));
}

TEST(ColumnTest, KeepsTheSourceTypeWithoutWidths) {
  EXPECT_EQ("int unsigned",
            CatalogColumn("int", "int(10) unsigned zerofill").source_type);
  EXPECT_EQ("varchar(20)",
            CatalogColumn("varchar", "varchar(20)", "utf8mb4_bin", 80).source_type);
  EXPECT_EQ("double", CatalogColumn("double", "double(10,2)").source_type);
}

TEST(ColumnTest, Scar_16_ReadsLabelsAsTheServersWriteThem) {
  EXPECT_THAT(
      CatalogColumn("enum", R"(enum('a','it''s','x,y)','\\','\n',''))", "ascii_bin")
          .labels,
      ElementsAre("a", "it's", "x,y)", "\\", "\n", ""));
}

TEST(ColumnTest, UnknownTypesAreConfigErrorsThatNameThem) {
  auto column =
      FromInformationSchema({"c", "money", "money", "", true, -1}, Flavor::kMariaDb);
  EXPECT_EQ(ErrorKind::kConfig, column.status().kind());
  EXPECT_THAT(column.status().message(), HasSubstr("`c`"));
  EXPECT_THAT(column.status().message(), HasSubstr("money"));
}

TEST(ColumnTest, NativeTypesAreAdoptedByNameAndSize) {
  TableDef described;
  described.columns = {CatalogColumn("uuid", "uuid"), CatalogColumn("inet4", "inet4")};
  described.columns[1].name = "d";
  TableDef logged;
  logged.columns = {CatalogColumn("binary", "binary(16)", "", 16),
                    CatalogColumn("binary", "binary(16)", "", 16)};
  logged.columns[1].name = "d";
  EXPECT_TRUE(MayBeNative(logged.columns[0], Flavor::kMariaDb));
  EXPECT_FALSE(MayBeNative(logged.columns[0], Flavor::kMySql));
  AdoptNativeTypes(described, &logged);
  EXPECT_EQ(Native::kUuid, logged.columns[0].native);
  EXPECT_EQ(Native::kNone, logged.columns[1].native);  // another size
}

TEST(ColumnTest, DatesOutsideTheKeyAreNullable) {
  TableDef table;
  table.columns = {CatalogColumn("date", "date"), CatalogColumn("date", "date"),
                   CatalogColumn("int", "int")};
  for (ColumnDef& c : table.columns) c.nullable = false;
  table.key = {0};
  auto schema = MakeSchema(table);
  ASSERT_TRUE(schema.ok());
  EXPECT_FALSE((*schema)->columns[0].nullable);
  EXPECT_TRUE((*schema)->columns[1].nullable);
  EXPECT_FALSE((*schema)->columns[2].nullable);
}

TEST(ColumnTest, TheDocumentationNamesEveryTypeAndCharacterSet) {
  std::ifstream file(LEAT_TESTDATA "/../../../../docs/types.md");
  const std::string doc((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(doc.empty());
  for (const char* type : {"tinyint",
                           "smallint",
                           "mediumint",
                           "int",
                           "bigint",
                           "float",
                           "double",
                           "decimal",
                           "bit",
                           "year",
                           "date",
                           "datetime",
                           "timestamp",
                           "time",
                           "char",
                           "varchar",
                           "binary",
                           "varbinary",
                           "tinytext",
                           "text",
                           "mediumtext",
                           "longtext",
                           "tinyblob",
                           "blob",
                           "mediumblob",
                           "longblob",
                           "enum",
                           "set",
                           "json",
                           "vector",
                           "uuid",
                           "inet4",
                           "inet6",
                           "geometry",
                           "point",
                           "linestring",
                           "polygon",
                           "multipoint",
                           "multilinestring",
                           "multipolygon",
                           "geometrycollection"}) {
    EXPECT_THAT(doc, testing::ContainsRegex(std::string("`") + type + "[ `(]"));
  }
  for (uint64_t id = 1; id < 2048; id++) {
    const Charset* set = Charset::OfCollation(id);
    if (!set || set->binary()) continue;
    EXPECT_THAT(doc, HasSubstr('`' + set->name() + '`'));
  }
}

}  // namespace
}  // namespace leat::mysql
