// SqlCatalog: tables' metadata locations in a SQLite file, in the layout PyIceberg's
// SqlCatalog and Iceberg's JDBC catalog use (iceberg_tables,
// iceberg_namespace_properties). A commit is one UPDATE that must find the expected
// location.
//
// Durability: WAL with synchronous=FULL, one fsync a commit. Errors as catalog.h says; a
// failure while SQLite commits is kUnknownOutcome.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/iceberg/catalog/catalog.h"

struct sqlite3;

namespace leat::iceberg {

class SqlCatalog final : public Catalog {
 public:
  // Creates file and tables where they are missing. `files` is borrowed.
  static Result<std::unique_ptr<SqlCatalog>> Open(const std::string& path,
                                                  const std::string& catalog_name,
                                                  FileIo& files);
  ~SqlCatalog() override;

  Result<std::optional<LoadedTable>> Load(const TableName& name) override;
  Result<std::optional<std::string>> Locate(const TableName& name) override;
  Result<std::optional<LoadedTable>> Create(const TableName& name,
                                            const TableMetadata& metadata) override;
  Result<std::optional<LoadedTable>> Commit(const TableName& name,
                                            const LoadedTable& base,
                                            TableMetadata next) override;
  Result<std::vector<TableName>> List(const std::string& space) override;
  Status Drop(const TableName& name) override;
  std::string DefaultLocation(const TableName& name) const override;

 private:
  class Statement;

  SqlCatalog(std::string path, std::string catalog_name, FileIo& files)
      : path_(std::move(path)), catalog_name_(std::move(catalog_name)), files_(files) {}

  Status Connect();
  Status Execute(const char* sql);
  Status Error(int code, const std::string& doing) const;
  Status AddNamespace(const std::string& space);
  // Runs a changing statement through the failpoints; answers the rows it changed.
  Result<int> Change(Statement* statement, const std::string& doing);
  Result<std::string> WriteMetadata(const TableMetadata& metadata, int version);

  const std::string path_;
  const std::string catalog_name_;
  FileIo& files_;
  sqlite3* db_ = nullptr;
  bool has_type_column_ = true;
};

}  // namespace leat::iceberg
