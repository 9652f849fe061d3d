#include "connectors/iceberg/rewritten.h"

#include <set>

namespace leat::iceberg {
namespace {

// The base's manifests, or none when the base has expired: then every manifest is new.
Result<std::vector<ManifestFile>> BaseManifests(const Table& table, FileIo& files,
                                                int64_t snapshot_id) {
  const Snapshot* base = table.metadata().FindSnapshot(snapshot_id);
  if (!base) return std::vector<ManifestFile>();
  ASSIGN_OR_RETURN(bool there, files.Exists(base->manifest_list));
  if (!there) return std::vector<ManifestFile>();
  ASSIGN_OR_RETURN(std::string bytes, files.Read(base->manifest_list));
  return DecodeManifestList(bytes);
}

}  // namespace

Result<std::optional<TableCommit>> FindRewritten(Table& table, FileIo& files,
                                                 const TableChange& change) {
  ASSIGN_OR_RETURN(std::vector<ManifestFile> base,
                   BaseManifests(table, files, change.base_snapshot));
  std::set<std::string> before, now;
  for (const ManifestFile& m : base) before.insert(m.path);
  for (const ManifestFile& m : table.manifests()) now.insert(m.path);

  std::set<std::string> wanted(change.required.begin(), change.required.end());
  wanted.insert(change.removed.begin(), change.removed.end());
  if (!base.empty()) {
    // A file of a manifest that is still listed is still there.
    std::set<std::string> in_doubt;
    for (const ManifestFile& m : base) {
      if (now.contains(m.path)) continue;
      ASSIGN_OR_RETURN(auto entries, table.Entries(m));
      for (const ManifestEntry& e : *entries) {
        if (e.live() && wanted.contains(e.file.path)) in_doubt.insert(e.file.path);
      }
    }
    wanted = std::move(in_doubt);
  }
  const Snapshot* known = table.metadata().FindSnapshot(change.base_snapshot);
  const int64_t sequence = known ? known->sequence_number : change.base_sequence;
  TableCommit found;
  bool deletes_came = false;
  for (const ManifestFile& m : table.manifests()) {
    if (before.contains(m.path)) continue;
    ASSIGN_OR_RETURN(auto entries, table.Entries(m));
    for (const ManifestEntry& e : *entries) {
      if (!e.live()) continue;
      wanted.erase(e.file.path);
      // When the file came: a rewritten one may keep the sequence number of its rows.
      const auto came =
          e.file_sequence_number ? e.file_sequence_number : e.sequence_number;
      if (came.value_or(0) <= sequence) continue;
      if (m.content == ManifestContent::kDeletes) {
        deletes_came = true;
      } else {
        found.appeared.push_back(e.file);
      }
    }
  }
  if (wanted.empty() && !(change.replace && deletes_came)) {
    return std::optional<TableCommit>();
  }
  found.outcome = TableCommit::Outcome::kRewritten;
  found.missing.assign(wanted.begin(), wanted.end());
  return std::optional<TableCommit>(std::move(found));
}

}  // namespace leat::iceberg
