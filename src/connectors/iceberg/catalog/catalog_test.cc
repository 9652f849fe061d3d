#include "connectors/iceberg/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "connectors/iceberg/table_testing.h"

namespace leat::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TableMetadata SomeMetadata(const Catalog& catalog, const TableName& name) {
  return TableMetadata::New(Must(MakeSchema(testing::TestColumns(), std::vector<int>{0})),
                            {}, catalog.DefaultLocation(name), {}, 1);
}

class CatalogTest : public ::testing::TestWithParam<const char*> {
 protected:
  CatalogTest() {
    files_ = Must(FileIo::Make(folder_.path(), {}));
    catalog_ = Open();
  }
  std::unique_ptr<Catalog> Open() {
    return Must(OpenCatalog({GetParam(), "leat", ""}, *files_, folder_.path()));
  }

  TestFolder folder_{std::string("catalog_") + GetParam()};
  std::unique_ptr<FileIo> files_;
  std::unique_ptr<Catalog> catalog_;
  const TableName name_{"db", "t"};
};

INSTANTIATE_TEST_SUITE_P(All, CatalogTest, ::testing::Values("sql", "hadoop"));

TEST_P(CatalogTest, CreatesLoadsListsDrops) {
  EXPECT_FALSE(Must(catalog_->Load(name_)));
  ASSERT_TRUE(Must(catalog_->Create(name_, SomeMetadata(*catalog_, name_))));
  EXPECT_FALSE(Must(catalog_->Create(name_, SomeMetadata(*catalog_, name_))))
      << "the second one comes too late";
  auto loaded = Must(Open()->Load(name_));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->metadata_location, Must(catalog_->Locate(name_)));
  EXPECT_EQ(loaded->metadata.schema().fields.size(), 2u);
  EXPECT_THAT(Must(catalog_->List("db")), ElementsAre(name_));
  EXPECT_THAT(Must(catalog_->List("other")), ElementsAre());
  Must(catalog_->Drop(name_));
  EXPECT_FALSE(Must(catalog_->Load(name_)));
  ASSERT_TRUE(Must(catalog_->Create(name_, SomeMetadata(*catalog_, name_))));
}

TEST_P(CatalogTest, OneOfTwoCommitsOnOneBaseWins) {
  LoadedTable base = *Must(catalog_->Create(name_, SomeMetadata(*catalog_, name_)));
  TableMetadata a = base.metadata, b = base.metadata;
  a.SetProperty("who", "a");
  b.SetProperty("who", "b");
  EXPECT_TRUE(Must(catalog_->Commit(name_, base, a)));
  EXPECT_FALSE(Must(Open()->Commit(name_, base, b)));
  EXPECT_EQ(Must(catalog_->Load(name_))->metadata.Property("who", ""), "a");
}

TEST_P(CatalogTest, RacingWritersLoseNothing) {
  Must(catalog_->Create(name_, SomeMetadata(*catalog_, name_)));
  constexpr int kWriters = 4, kCommits = 25;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; w++) {
    writers.emplace_back([&, w] {
      auto catalog = Open();
      for (int i = 0; i < kCommits;) {
        LoadedTable base = *Must(catalog->Load(name_));
        TableMetadata next = base.metadata;
        next.SetProperty(std::to_string(w) + "/" + std::to_string(i), "x");
        if (Must(catalog->Commit(name_, base, next))) i++;
      }
    });
  }
  for (std::thread& w : writers) w.join();
  EXPECT_EQ(Must(catalog_->Load(name_))->metadata.properties().size(),
            static_cast<size_t>(kWriters * kCommits));
}

TEST(SqlCatalogTest, ReadsACatalogMadeBeforeViews) {
  TestFolder folder("catalog_v0");
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder.path() + "/catalog.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(db,
                   "CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL,"
                   "table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) "
                   "NOT NULL, metadata_location VARCHAR(1000), "
                   "previous_metadata_location VARCHAR(1000), PRIMARY KEY "
                   "(catalog_name, table_namespace, table_name))",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(db);
  auto files = Must(FileIo::Make(folder.path(), {}));
  auto catalog = Must(OpenCatalog({}, *files, ""));
  EXPECT_TRUE(Must(catalog->Create({"db", "t"}, SomeMetadata(*catalog, {"db", "t"}))));
  EXPECT_EQ(Must(catalog->List("db")).size(), 1u);
}

TEST(SqlCatalogTest, AFileThatIsNoDatabaseIsSaidSo) {
  TestFolder folder("catalog_garbage");
  std::ofstream(folder.path() + "/catalog.db") << std::string(5000, 'x');
  auto files = Must(FileIo::Make(folder.path(), {}));
  auto catalog = OpenCatalog({}, *files, "");
  ASSERT_FALSE(catalog.ok());
  EXPECT_EQ(catalog.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(catalog.status().message(),
              HasSubstr("catalog.db: file is not a database"));
}

TEST(SqlCatalogTest, ALockedCatalogIsTransient) {
  TestFolder folder("catalog_locked");
  auto files = Must(FileIo::Make(folder.path(), {}));
  auto catalog = Must(OpenCatalog({}, *files, ""));
  LoadedTable base =
      *Must(catalog->Create({"db", "t"}, SomeMetadata(*catalog, {"db", "t"})));
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder.path() + "/catalog.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  auto refused = catalog->Commit({"db", "t"}, base, base.metadata);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().kind(), ErrorKind::kTransient);
  sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_TRUE(Must(catalog->Commit({"db", "t"}, base, base.metadata)));
}

TEST(TableNameTest, ParsesNamespaces) {
  EXPECT_EQ(TableName::Parse("a.b.c"), (TableName{"a.b", "c"}));
  EXPECT_EQ(TableName::Parse("a.b.c").ToString(), "a.b.c");
}

}  // namespace
}  // namespace leat::iceberg
