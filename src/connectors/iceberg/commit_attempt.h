// CommitAttempt: one TableChange on its way into a table. Its manifests are written once;
// each try writes a manifest list and hands the catalog a metadata made from the table as
// it is then. Borrows table and change; made and used by Table::Commit.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/iceberg/table.h"

namespace leat::iceberg {

class CommitAttempt {
 public:
  CommitAttempt(Table& table, const TableChange& change);

  // Nothing: somebody else committed first, refresh the table and try again. Errors as
  // Table::Commit.
  Result<std::optional<TableCommit>> Try();
  // Removes what it wrote. Never after a commit or an unknown outcome.
  void Discard();

 private:
  // How the change counts in the snapshot's summary.
  struct Tally {
    int64_t data_files = 0;
    int64_t delete_files = 0;
    int64_t records = 0;
    int64_t deletes = 0;
    int64_t bytes = 0;
    void Add(const DataFile& file);
  };

  Result<std::optional<TableCommit>> CheckTokens();
  Status PutTokens(TableMetadata* next) const;
  Result<std::optional<TableCommit>> CheckBase();
  Status WriteAdded();
  Status WriteAddedOf(ManifestContent content, const std::vector<DataFile>& files);
  // The parent's manifests without what is removed.
  Result<std::vector<ManifestFile>> Remaining();
  Result<std::optional<ManifestFile>> WithoutRemoved(const ManifestFile& manifest,
                                                     std::set<std::string>* left);
  Status Merge(std::vector<ManifestFile>* manifests);
  Result<std::optional<ManifestFile>> MergeGroup(
      const std::vector<const ManifestFile*>& group);
  Result<ManifestFile> WriteManifest(int spec_id, ManifestContent content,
                                     std::vector<ManifestEntry> entries);
  Result<Snapshot> MakeSnapshot(std::vector<ManifestFile>* manifests);
  std::map<std::string, std::string> Summary(const Snapshot* parent) const;
  void Landed(LoadedTable loaded, std::vector<ManifestFile> manifests,
              const std::vector<const Snapshot*>& expired);

  Table& table_;
  const TableChange& change_;
  const int64_t snapshot_id_;
  int tries_ = 0;
  bool wrote_added_ = false;
  std::vector<ManifestFile> added_;
  Tally added_tally_;
  Tally removed_tally_;
  std::set<std::string> partitions_;     // that it touches
  std::vector<std::string> written_;     // what Discard removes
  std::vector<std::string> left_table_;  // manifests and files that go with this snapshot
  std::map<std::string, std::shared_ptr<const std::vector<ManifestEntry>>> small_;
};

}  // namespace leat::iceberg
