// HadoopCatalog: a folder a table, metadata/vN.metadata.json, and version-hint.text with
// the newest N, as Iceberg's HadoopTables has it. A commit creates v(N+1) only if it is
// absent, which needs a local (or POSIX) file system.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/iceberg/catalog/catalog.h"

namespace leat::iceberg {

class HadoopCatalog final : public Catalog {
 public:
  // `files` is borrowed.
  explicit HadoopCatalog(FileIo& files) : files_(files) {}

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
  std::string VersionLocation(const TableName& name, int version) const;
  // The newest version, 0 when there is no table.
  Result<int> NewestVersion(const TableName& name);
  Result<std::optional<LoadedTable>> Put(const TableName& name, int version,
                                         TableMetadata metadata);
  void Hint(const TableName& name, int version);

  FileIo& files_;
};

}  // namespace leat::iceberg
