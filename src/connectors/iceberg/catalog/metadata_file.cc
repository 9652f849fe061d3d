#include "connectors/iceberg/catalog/metadata_file.h"

#include <charconv>

namespace leat::iceberg {

int MetadataVersion(const std::string& location) {
  std::string_view name = location;
  name.remove_prefix(name.rfind('/') + 1);
  if (name.starts_with('v')) name.remove_prefix(1);
  int version = -1;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  bool ends = end != name.data() + name.size() && (*end == '-' || *end == '.');
  return error == std::errc() && ends ? version : -1;
}

Result<TableMetadata> ReadMetadata(FileIo& files, const std::string& location) {
  ASSIGN_OR_RETURN(std::string json, files.Read(location));
  auto metadata = TableMetadata::Parse(json);
  if (!metadata.ok()) return metadata.status().Within("reading " + location);
  return metadata;
}

void RemoveOldMetadata(FileIo& files, const TableMetadata& metadata,
                       const std::vector<std::string>& fell_out) {
  const std::string wanted =
      metadata.Property("write.metadata.delete-after-commit.enabled", "false");
  if (wanted != "true") return;
  for (const std::string& location : fell_out) (void)files.Remove(location);
}

}  // namespace leat::iceberg
