#include "connectors/iceberg/upkeep/orphan_sweep.h"

#include "connectors/iceberg/catalog/metadata_file.h"

namespace leat::iceberg {
namespace {

constexpr std::string_view kMetadataEnding = ".metadata.json";

bool IsOurKind(const std::string& location) {
  for (std::string_view ending : {".parquet", ".avro", ".tmp", "metadata.json"}) {
    if (location.ends_with(ending)) return true;
  }
  return false;
}

// One file has several names: "file:///x", "file:/x", "/x"; "s3a://x", "s3://x".
std::string Normal(const std::string& location) {
  if (std::string path = LocalPath(location); !path.empty()) return path;
  size_t scheme = location.find("://");
  return location.substr(scheme == std::string::npos ? 0 : scheme);
}

// Everything that a snapshot names.
Status CollectNamed(Table& table, FileIo& files, std::set<std::string>* named) {
  std::set<std::string> seen;
  for (const Snapshot& snapshot : table.metadata().snapshots()) {
    named->insert(Normal(snapshot.manifest_list));
    ASSIGN_OR_RETURN(std::string bytes, files.Read(snapshot.manifest_list));
    auto manifests = DecodeManifestList(bytes);
    if (!manifests.ok()) return manifests.status();
    for (const ManifestFile& manifest : *manifests) {
      named->insert(Normal(manifest.path));
      if (!seen.insert(manifest.path).second) continue;
      ASSIGN_OR_RETURN(auto entries, table.Entries(manifest));
      for (const ManifestEntry& entry : *entries) {
        if (entry.live()) named->insert(Normal(entry.file.path));
      }
    }
  }
  named->insert(Normal(table.metadata_location()));
  for (const std::string& old : table.metadata().PreviousMetadata()) {
    named->insert(Normal(old));
  }
  return Status::Ok();
}

}  // namespace

Result<SweepResult> SweepOrphans(Table& table, FileIo& files, int64_t now_micros,
                                 Micros older_than, const std::set<std::string>& keep) {
  SweepResult result;
  // Listed before the table is read again: a file committed in between is young anyway,
  // and one that is listed and committed is then named.
  std::vector<FileInfo> found;
  for (const std::string& folder :
       {table.metadata().data_folder(), table.metadata().metadata_folder()}) {
    ASSIGN_OR_RETURN(std::vector<FileInfo> some, files.List(folder));
    found.insert(found.end(), some.begin(), some.end());
  }
  RETURN_IF_ERROR(table.Refresh().status());
  std::set<std::string> named;
  for (const std::string& location : keep) named.insert(Normal(location));
  RETURN_IF_ERROR(CollectNamed(table, files, &named));

  std::vector<const FileInfo*> orphans;
  for (const FileInfo& file : found) {
    const bool old = now_micros - file.modified > older_than.count();
    if (named.contains(Normal(file.location)) || !IsOurKind(file.location)) continue;
    if (file.location.ends_with(kMetadataEnding)) {
      auto other = ReadMetadata(files, file.location);
      if (other.ok() && other->uuid() != table.metadata().uuid()) {
        result.skipped = file.location + " is another table's";
        return result;
      }
      if (!other.ok()) continue;
    }
    if (old) orphans.push_back(&file);
  }
  for (const FileInfo* orphan : orphans) {
    RETURN_IF_ERROR(files.Remove(orphan->location));
    result.removed++;
    result.bytes += orphan->size;
  }
  return result;
}

}  // namespace leat::iceberg
