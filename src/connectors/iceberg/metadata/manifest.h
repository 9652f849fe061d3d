// Manifests (table spec, format v2): Avro files that list data files or delete files of
// one partition spec, each added, existing or deleted. A manifest never changes once
// written. Functions; any thread. Errors: those of FileIo; kConfig for a file that
// is no manifest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/metadata/manifest_list.h"
#include "connectors/iceberg/metadata/partition_spec.h"
#include "connectors/iceberg/metadata/schema.h"
#include "wire/file_io.h"

namespace leat::iceberg {

struct ManifestEntry {
  enum class Status : uint8_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

  Status status = Status::kAdded;
  // Not written for an added file: it inherits its manifest's, which are given when the
  // manifest list is written, so that a raced commit rewrites the list alone.
  std::optional<int64_t> snapshot_id;
  std::optional<int64_t> sequence_number;
  std::optional<int64_t> file_sequence_number;
  DataFile file;

  bool live() const { return status != Status::kDeleted; }
};

// The manifest's bytes and, in *summary, what the manifest list says of it, but for path,
// sequence numbers and added_snapshot_id. Every file is of `spec`.
Result<std::string> EncodeManifest(const Schema& schema, const PartitionSpec& spec,
                                   ManifestContent content,
                                   std::span<const ManifestEntry> entries,
                                   ManifestFile* summary);

// Its entries, what they inherit from `file` filled in.
Result<std::vector<ManifestEntry>> DecodeManifest(std::string_view bytes,
                                                  const ManifestFile& file);
Result<std::vector<ManifestEntry>> ReadManifest(FileIo& files, const ManifestFile& file);

}  // namespace leat::iceberg
