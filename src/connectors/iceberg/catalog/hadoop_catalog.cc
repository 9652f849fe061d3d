#include "connectors/iceberg/catalog/hadoop_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/failpoint.h"
#include "connectors/iceberg/catalog/metadata_file.h"

namespace leat::iceberg {

std::string HadoopCatalog::DefaultLocation(const TableName& name) const {
  std::string space = name.space;
  std::replace(space.begin(), space.end(), '.', '/');
  return files_.root() + "/" + space + "/" + name.name;
}

std::string HadoopCatalog::VersionLocation(const TableName& name, int version) const {
  return fmt::format("{}/metadata/v{}.metadata.json", DefaultLocation(name), version);
}

Result<int> HadoopCatalog::NewestVersion(const TableName& name) {
  const std::string folder = DefaultLocation(name) + "/metadata";
  int version = 0;
  auto hint = files_.Read(folder + "/version-hint.text");
  if (hint.ok()) {
    std::from_chars(hint->data(), hint->data() + hint->size(), version);
  }
  ASSIGN_OR_RETURN(bool there, files_.Exists(VersionLocation(name, version)));
  if (!there) {
    // The hint is missing or wrong; the names tell.
    version = 0;
    ASSIGN_OR_RETURN(std::vector<FileInfo> found, files_.List(folder));
    for (const FileInfo& file : found) {
      if (!file.location.ends_with(".metadata.json")) continue;
      version = std::max(version, MetadataVersion(file.location));
    }
    return version;
  }
  // The hint is written after the metadata and may be behind.
  while (true) {
    ASSIGN_OR_RETURN(bool newer, files_.Exists(VersionLocation(name, version + 1)));
    if (!newer) return version;
    version++;
  }
}

Result<std::optional<std::string>> HadoopCatalog::Locate(const TableName& name) {
  ASSIGN_OR_RETURN(int version, NewestVersion(name));
  if (version == 0) return std::optional<std::string>();
  return std::optional<std::string>(VersionLocation(name, version));
}

Result<std::optional<LoadedTable>> HadoopCatalog::Load(const TableName& name) {
  ASSIGN_OR_RETURN(std::optional<std::string> location, Locate(name));
  if (!location) return std::optional<LoadedTable>();
  ASSIGN_OR_RETURN(TableMetadata metadata, ReadMetadata(files_, *location));
  return std::optional<LoadedTable>(LoadedTable{*location, std::move(metadata)});
}

Result<std::optional<LoadedTable>> HadoopCatalog::Put(const TableName& name, int version,
                                                      TableMetadata metadata) {
  const std::string location = VersionLocation(name, version);
  RETURN_IF_ERROR(files_.Sync());  // the manifests it names
  RETURN_IF_ERROR(failpoint::Durable("iceberg.catalog.before_commit"));
  auto created = files_.CreateExclusive(location, metadata.ToJson());
  if (!created.ok()) {
    // The file may be there although making it durable failed.
    return Status(created.status().kind() == ErrorKind::kConfig
                      ? ErrorKind::kConfig
                      : ErrorKind::kUnknownOutcome,
                  created.status().message());
  }
  if (Status lost = failpoint::Durable("iceberg.catalog.after_commit"); !lost.ok()) {
    return Status::UnknownOutcome(lost.message());
  }
  if (!*created) return std::optional<LoadedTable>();
  return std::optional<LoadedTable>(LoadedTable{location, std::move(metadata)});
}

// Only a hint: a reader that finds it behind or missing looks further.
void HadoopCatalog::Hint(const TableName& name, int version) {
  (void)files_.Replace(DefaultLocation(name) + "/metadata/version-hint.text",
                       std::to_string(version));
}

Result<std::optional<LoadedTable>> HadoopCatalog::Create(const TableName& name,
                                                         const TableMetadata& metadata) {
  if (metadata.location() != DefaultLocation(name)) {
    return Status::Config(fmt::format(
        "In a Hadoop catalog the table {} lies in {}; leave out `location`, or use "
        "catalog: {{type: sql}}",
        name.ToString(), DefaultLocation(name)));
  }
  ASSIGN_OR_RETURN(std::optional<LoadedTable> done, Put(name, 1, metadata));
  if (done) Hint(name, 1);
  return done;
}

Result<std::optional<LoadedTable>> HadoopCatalog::Commit(const TableName& name,
                                                         const LoadedTable& base,
                                                         TableMetadata next) {
  const int version = MetadataVersion(base.metadata_location);
  std::vector<std::string> fell_out =
      next.LogPrevious(base.metadata_location, base.metadata.last_updated_ms());
  ASSIGN_OR_RETURN(std::optional<LoadedTable> done,
                   Put(name, version + 1, std::move(next)));
  if (!done) return done;
  // Old versions are removed oldest first. If the base is gone, so may be the version
  // after it, whose name was then free although the table has long moved on.
  ASSIGN_OR_RETURN(bool base_is_there, files_.Exists(base.metadata_location));
  if (!base_is_there) {
    RETURN_IF_ERROR(files_.Remove(done->metadata_location));
    return std::optional<LoadedTable>();
  }
  Hint(name, version + 1);
  RemoveOldMetadata(files_, done->metadata, fell_out);
  return done;
}

Result<std::vector<TableName>> HadoopCatalog::List(const std::string& space) {
  std::string folder = DefaultLocation({space, ""});
  ASSIGN_OR_RETURN(std::vector<FileInfo> files, files_.List(folder));
  std::set<TableName> names;
  for (const FileInfo& file : files) {
    std::string_view rest = std::string_view(file.location).substr(folder.size());
    size_t slash = rest.find('/');
    if (slash == std::string_view::npos) continue;
    if (!rest.substr(slash).starts_with("/metadata/v")) continue;
    names.insert({space, std::string(rest.substr(0, slash))});
  }
  return std::vector<TableName>(names.begin(), names.end());
}

// In this catalog the table is its metadata files: without them its name is free.
Status HadoopCatalog::Drop(const TableName& name) {
  ASSIGN_OR_RETURN(std::vector<FileInfo> files,
                   files_.List(DefaultLocation(name) + "/metadata"));
  for (const FileInfo& file : files) {
    bool names_table = file.location.ends_with(".metadata.json") ||
                       file.location.ends_with("version-hint.text");
    if (names_table) RETURN_IF_ERROR(files_.Remove(file.location));
  }
  return Status::Ok();
}

}  // namespace leat::iceberg
