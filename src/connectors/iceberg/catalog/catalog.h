// Catalog: which metadata is a table's current one, changed by compare-and-set. The
// catalog writes the metadata itself, since where and how it lies is the catalog's: a
// file named in a SQL row, vN.metadata.json, or a REST request made of the differences
// between the base and the next metadata.
//
// Owned by one sink and used by its writer thread. Errors: kTransient (nothing was
// changed), kUnknownOutcome (Commit and Create: it may have landed; load and look, remove
// nothing), kConfig.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/metadata.h"
#include "wire/file_io.h"

namespace leat::iceberg {

struct TableName {
  std::string space;  // namespace, levels joined by a dot; PyIceberg writes the same
  std::string name;

  std::string ToString() const { return space + "." + name; }
  // "project_db.orders": the last part is the table.
  static TableName Parse(std::string_view text);
  auto operator<=>(const TableName&) const = default;
};

struct LoadedTable {
  std::string metadata_location;
  TableMetadata metadata;
};

class Catalog {
 public:
  virtual ~Catalog() = default;

  virtual Result<std::optional<LoadedTable>> Load(const TableName& name) = 0;
  // Where the table's metadata lies now, for a cheap look; nothing: no such table.
  virtual Result<std::optional<std::string>> Locate(const TableName& name) = 0;
  // Nothing: somebody created it first.
  virtual Result<std::optional<LoadedTable>> Create(const TableName& name,
                                                    const TableMetadata& metadata) = 0;
  // Puts `next` in place of `base`, whose metadata it was made from. Nothing: `base` is
  // no longer the current one, and nothing of `next` was kept.
  virtual Result<std::optional<LoadedTable>> Commit(const TableName& name,
                                                    const LoadedTable& base,
                                                    TableMetadata next) = 0;
  virtual Result<std::vector<TableName>> List(const std::string& space) = 0;
  // The table's entry, not its files.
  virtual Status Drop(const TableName& name) = 0;

  // Where a new table's files go when the user does not say: below the warehouse.
  virtual std::string DefaultLocation(const TableName& name) const = 0;
};

struct CatalogOptions {
  std::string type = "sql";  // sql | hadoop
  std::string name = "leat";
  std::string uri;  // sql: the SQLite file; empty: where OpenCatalog says
};

// Without an `uri`, the catalog.db is in the warehouse; of a warehouse in S3 in `data`,
// the project's data folder.
Result<std::unique_ptr<Catalog>> OpenCatalog(const CatalogOptions& options, FileIo& files,
                                             const std::string& data);

}  // namespace leat::iceberg
