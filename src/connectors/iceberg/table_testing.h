// What tests of the Iceberg parts share: a folder of their own, small Parquet files,
// tokens. Any failure inside ends the test program, for there is nothing to test then.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/testing.h"
#include "connectors/iceberg/catalog/catalog.h"
#include "connectors/iceberg/table.h"

namespace leat::iceberg::testing {

// id bigint not null (the key), name varchar
std::vector<Column> TestColumns();

struct TestRow {
  int64_t id;
  std::string name;
};

// A Parquet file of the first two columns of `schema`, with what a manifest wants of it.
DataFile WriteRows(FileIo& files, const Table& table, const std::vector<TestRow>& rows);
// Position deletes of those rows of one data file.
DataFile WriteDeletes(FileIo& files, const Table& table, const std::string& data_file,
                      const std::vector<int64_t>& positions);
int64_t CountFiles(const std::string& folder, const std::string& ending);

// The token of pipeline p; nothing: it has none.
std::optional<Token> TokenIn(const Table& table, const std::string& shard = "s1");
Token TestToken(uint64_t epoch, const std::string& attempt = "a1",
                const std::string& shard = "s1");

// A warehouse with a catalog and one table t of namespace db.
struct TestTable {
  explicit TestTable(const std::string& name, const std::string& catalog_type = "sql");

  // The change of an epoch after `previous` (0: the first), made on the table as it is.
  TableChange Change(uint64_t epoch, uint64_t previous) const;

  TestFolder folder;
  FakeClock clock;
  std::unique_ptr<FileIo> files;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<Table> table;
};

}  // namespace leat::iceberg::testing
