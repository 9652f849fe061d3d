// Manifest lists (table spec, format v2): one Avro file a snapshot, naming its manifests
// with counts and partition bounds. Functions; any thread. Errors: kConfig for a file
// that is no manifest list.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/data_file.h"

namespace leat::iceberg {

enum class ManifestContent : uint8_t { kData = 0, kDeletes = 1 };

// The range of one partition field over a manifest.
struct FieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<Binary> lower;
  std::optional<Binary> upper;

  bool operator==(const FieldSummary&) const = default;
};

struct ManifestFile {
  std::string path;
  int64_t length = 0;
  int spec_id = 0;
  ManifestContent content = ManifestContent::kData;
  int64_t sequence_number = -1;      // -1: the one of the snapshot that will list it
  int64_t min_sequence_number = -1;  // of its live files; -1 as above
  int64_t added_snapshot_id = 0;
  int added_files = 0;
  int existing_files = 0;
  int deleted_files = 0;
  int64_t added_rows = 0;
  int64_t existing_rows = 0;
  int64_t deleted_rows = 0;
  std::vector<FieldSummary> partitions;
  std::optional<std::string> key_metadata;

  int live_files() const { return added_files + existing_files; }
  bool operator==(const ManifestFile&) const = default;
};

Result<std::string> EncodeManifestList(int64_t snapshot_id, int64_t parent_id,
                                       int64_t sequence_number,
                                       std::span<const ManifestFile> manifests);
Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes);

}  // namespace leat::iceberg
