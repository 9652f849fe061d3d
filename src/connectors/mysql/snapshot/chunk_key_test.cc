#include "connectors/mysql/snapshot/chunk_key.h"

#include <gmock/gmock.h>

namespace leat::mysql {
namespace {

CatalogTable ChunkTable(std::vector<ColumnDef> columns, std::vector<KeyColumn> order) {
  CatalogTable table;
  table.def.columns = std::move(columns);
  table.order = std::move(order);
  return table;
}

ColumnDef ChunkColumn(const char* name, Type type) {
  ColumnDef column;
  column.name = name;
  column.type = type;
  return column;
}

TEST(ChunkKeyTest, ComparesCompositeKeysAsRangesOfTheIndex) {
  ChunkKey key(ChunkTable({ChunkColumn("a", Type::kLong), ChunkColumn("b", Type::kLong)},
                          {{0, "", ""}, {1, "", ""}}));
  EXPECT_EQ(key.After({"1", "-2"}),
            "(`a` >= 1) AND ((`a` > 1) OR (`a` = 1 AND `b` > -2))");
  EXPECT_EQ(key.UpTo({"1", "-2"}),
            "(`a` <= 1) AND ((`a` < 1) OR (`a` = 1 AND `b` <= -2))");
  EXPECT_TRUE(key.integers());
  EXPECT_TRUE(key.NotAfter({"1", "-2"}, {"1", "-2"}));
  EXPECT_TRUE(key.NotAfter({"-5", "9"}, {"1", "-2"}));
  EXPECT_FALSE(key.NotAfter({"1", "-1"}, {"1", "-2"}));
}

TEST(ChunkKeyTest, ComparesTheWholeUnsignedRange) {
  ChunkKey key(ChunkTable({ChunkColumn("a", Type::kLongLong)}, {{0, "", ""}}));
  EXPECT_FALSE(key.NotAfter({"18446744073709551615"}, {"9223372036854775808"}));
  EXPECT_TRUE(key.NotAfter({"-9223372036854775808"}, {"18446744073709551615"}));
}

TEST(ChunkKeyTest, ListsTheLabelsOfAnEnum) {
  ColumnDef column = ChunkColumn("e", Type::kEnum);
  column.labels = {"x", "y", "z"};
  ChunkKey key(ChunkTable({column}, {{0, "utf8mb4", "utf8mb4_bin"}}));
  EXPECT_EQ(key.After({"1"}), "(`e` IN (2, 3))");
  EXPECT_EQ(key.After({"3"}), "(FALSE)");
  EXPECT_EQ(key.UpTo({"1"}), "(`e` IN (0, 1))");
}

TEST(ChunkKeyTest, RefusesASavedKeyThatIsNoValue) {
  ChunkKey key(ChunkTable({ChunkColumn("a", Type::kLong)}, {{0, "", ""}}));
  EXPECT_TRUE(key.Check({"42"}).ok());
  for (const KeyValues& bad : {KeyValues{}, KeyValues{""}, KeyValues{"1", "2"},
                               KeyValues{"1 OR 1=1"}, KeyValues{"0x41"}}) {
    EXPECT_EQ(key.Check(bad).kind(), ErrorKind::kConfig);
  }
}

TEST(SnapshotProgressTest, SurvivesItsText) {
  SnapshotProgress progress;
  progress.Set({"d", "", "whole"}, {true, {}});
  progress.Set({"d.x", "", "part"}, {false, {"7", "c3a9"}});
  auto again = SnapshotProgress::Parse(progress.ToJson());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, progress);
  EXPECT_TRUE(SnapshotProgress::Parse("")->Of({"d", "", "whole"}).last.empty());
  EXPECT_EQ(SnapshotProgress::Parse("{\"at\": 5").status().kind(), ErrorKind::kConfig);
}

TEST(TablePatternsTest, MatchesStarsAndMarks) {
  auto patterns = TablePatterns::Parse({"orders", "cust*", "*.log_?"}, "shop");
  ASSERT_TRUE(patterns.ok());
  EXPECT_TRUE(patterns->Matches("shop", "orders"));
  EXPECT_FALSE(patterns->Matches("shop", "orders2"));
  EXPECT_FALSE(patterns->Matches("other", "orders"));
  EXPECT_TRUE(patterns->Matches("shop", "customers"));
  EXPECT_TRUE(patterns->Matches("other", "log_1"));
  EXPECT_FALSE(patterns->Matches("mysql", "log_1"));
  EXPECT_FALSE(patterns->Matches("shop", "Orders"));
  EXPECT_TRUE(MatchesPattern("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(MatchesPattern("a*b*c", "aXbYbZ"));
  EXPECT_EQ(TablePatterns::Parse({"t"}, "").status().kind(), ErrorKind::kConfig);
  EXPECT_EQ(TablePatterns::Parse({}, "d").status().kind(), ErrorKind::kConfig);
}

}  // namespace
}  // namespace leat::mysql
