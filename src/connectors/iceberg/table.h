// Table: one Iceberg table, loaded, and changed by compare-and-set on its metadata and on
// the tokens of the shards that write it (the commit step of the epoch protocol; see
// docs/exactly-once.md).
//
// Keeps the current metadata and manifest list in memory, so that a commit nobody raced
// reads nothing. Borrows catalog and files. One thread. Errors: kTransient (nothing
// changed, or it can be sent again), kUnknownOutcome (it may have landed: Commit the same
// change again, remove nothing), kFenced (a token is neither the change's own nor the one
// it expects), kConfig.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "connectors/iceberg/catalog/catalog.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/metadata/manifest.h"
#include "connectors/iceberg/metadata/manifest_list.h"
#include "connectors/iceberg/metadata/metadata.h"
#include "connectors/iceberg/metadata/partition_spec.h"
#include "connectors/iceberg/metadata/schema.h"
#include "core/epoch.h"
#include "wire/file_io.h"

namespace leat::iceberg {

// One snapshot's worth of change. First all files (`truncate`) or those in `removed` go,
// then the added ones come.
struct TableChange {
  std::vector<DataFile> added_data;
  std::vector<DataFile> added_deletes;  // position deletes
  std::vector<std::string> removed;     // paths of data and delete files
  bool truncate = false;
  // The same rows in other files (folding): nothing a reader sees changes. Given up when
  // somebody else's deletes came since `base_snapshot`.
  bool replace = false;

  // The snapshot it was made on (Table::snapshot_id()), and the data files that must
  // still be in the table: those its position deletes name. `removed` is looked for as
  // well.
  int64_t base_snapshot = -1;
  // Table::sequence_number() then; needed where the base may have expired meanwhile.
  int64_t base_sequence = 0;
  std::vector<std::string> required;

  // The tokens it brings; none: it belongs to no epoch. `expected`: the tokens that the
  // epoch's shards have in the table before; one that is not in it has none.
  std::vector<Token> tokens;
  std::vector<ShardId> shards;
  std::map<ShardId, Token> expected;

  std::map<std::string, std::string> summary;  // more of it, for whoever reads history
};

struct TableCommit {
  enum class Outcome : uint8_t {
    kCommitted,
    kAlreadyThere,  // the table has this epoch
    kRewritten,     // somebody rewrote files under it: nothing was committed
  };
  Outcome outcome = Outcome::kCommitted;
  // kRewritten: files of `required` and `removed` that are gone, and the data files that
  // came since `base_snapshot`, where their rows are now.
  std::vector<std::string> missing;
  std::vector<DataFile> appeared;
};

struct NewTable {
  Schema schema;
  PartitionSpec spec;
  std::string location;  // empty: the catalog's choice
  std::map<std::string, std::string> properties;
};

// What commits do for the table on the side. Snapshots older than the newest
// `keep_snapshots` are thinned out to one every `thin_to`, and end after `keep_for`: at a
// commit a second that is the last 100 s by the second and the last hour by the minute.
// A file goes when no snapshot older than its removal is left.
struct TableUpkeep {
  int keep_snapshots = 100;
  Micros keep_for = std::chrono::hours(1);
  Micros thin_to = std::chrono::minutes(1);
  // The manifest list of an expired snapshot stays that long, for readers under way.
  Micros grace = std::chrono::minutes(10);
  // As many manifests of one size class become one; classes grow by this factor.
  int merge_manifests = 16;
};

class CommitAttempt;

class Table {
 public:
  // Nothing: the catalog has no such table.
  static Result<std::unique_ptr<Table>> Load(Catalog& catalog, FileIo& files,
                                             Clock& clock, const TableName& name);
  // Loads it when somebody else was first.
  static Result<std::unique_ptr<Table>> Create(Catalog& catalog, FileIo& files,
                                               Clock& clock, const TableName& name,
                                               const NewTable& shape);

  // Reads the catalog again; true when the table had changed.
  Result<bool> Refresh();

  const TableName& name() const { return name_; }
  const TableMetadata& metadata() const { return loaded_.metadata; }
  const std::string& metadata_location() const { return loaded_.metadata_location; }
  const std::string& location() const { return loaded_.metadata.location(); }
  const Schema& schema() const { return loaded_.metadata.schema(); }
  const PartitionSpec& spec() const { return loaded_.metadata.spec(); }
  int64_t snapshot_id() const { return loaded_.metadata.current_snapshot_id(); }  // -1
  int64_t sequence_number() const { return loaded_.metadata.last_sequence_number(); }
  const std::vector<ManifestFile>& manifests() const { return manifests_; }
  void SetUpkeep(const TableUpkeep& upkeep) { upkeep_ = upkeep; }

  // The tokens of those shards that have one: each in the newest ancestor of the current
  // snapshot that names the shard (so that a table rolled back is known as such), else in
  // the table's properties. kConfig when a token there belongs to a snapshot that was
  // rolled back.
  Result<std::map<ShardId, Token>> GetTokens(const std::string& pipeline,
                                             std::span<const ShardId> shards) const;

  Result<TableCommit> Commit(const TableChange& change);
  // Makes the table look as `change` wants; one catalog request when something differs.
  Status EvolveSchema(const SchemaChange& change);
  Status SetProperties(const std::map<std::string, std::string>& properties);

  // Every live file of the current snapshot, manifest by manifest.
  Status ForEachFile(const std::function<Status(const ManifestEntry&)>& visit);

  // A manifest's entries, from memory for small ones written by this process.
  Result<std::shared_ptr<const std::vector<ManifestEntry>>> Entries(
      const ManifestFile& manifest);

  // A name for a new data or delete file that nobody else chooses: the table's data
  // folder, `partition_path` ("day=2024-01-01"; may be empty), a random name, `suffix`.
  std::string NewDataPath(std::string_view partition_path, std::string_view suffix) const;

 private:
  friend class CommitAttempt;

  // A file that no snapshot from `sequence` on needs, and not to be removed before a time
  // (microseconds since 1970 UTC).
  struct Retired {
    std::string location;
    int64_t sequence = 0;
    int64_t not_before = 0;
  };

  Table(Catalog& catalog, FileIo& files, Clock& clock, TableName name)
      : catalog_(catalog), files_(files), clock_(clock), name_(std::move(name)) {}

  Status Adopt(LoadedTable loaded);
  // Changes the metadata alone, again and again until nobody else was faster.
  Status CommitMetadata(const std::function<Result<bool>(TableMetadata*)>& change);
  // Removes retired files that no snapshot needs any more.
  void RemoveRetired();

  Catalog& catalog_;
  FileIo& files_;
  Clock& clock_;
  TableName name_;
  TableUpkeep upkeep_;
  LoadedTable loaded_;
  std::vector<ManifestFile> manifests_;  // of the current snapshot
  bool stale_ = false;                   // an outcome was unknown: refresh first
  std::deque<Retired> retired_;          // manifests, data and delete files
  std::deque<Retired> expired_lists_;    // manifest lists of expired snapshots
  std::map<std::string, std::shared_ptr<const std::vector<ManifestEntry>>> cache_;
};

}  // namespace leat::iceberg
