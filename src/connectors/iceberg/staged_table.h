// StagedTable: what an epoch adds to one table, as saved checkpoints keep it, so that a
// later process can commit it. A value; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "core/epoch.h"

namespace leat::iceberg {

struct StagedTable {
  std::string name;  // unique: tells this stage from every other
  int64_t base_snapshot = -1;
  int64_t base_sequence = 0;
  bool truncate = false;
  std::vector<DataFile> data;
  std::vector<DataFile> deletes;
  std::vector<std::string> named;  // files of older epochs that `deletes` names
};

// In a snapshot's summary: the name of the stage it is the commit of.
constexpr std::string_view kStageProperty = "leat.stage";

// By the sink's names for its tables.
using Manifest = std::map<SinkTable, StagedTable>;

std::string ToJson(const Manifest& manifest);
// kBug for text that is no manifest. An empty text is an empty manifest.
Result<Manifest> ManifestFromJson(std::string_view json);

// The data and delete files that the manifests among these epochs name; those of other
// sinks are passed over.
std::set<std::string> FilesOf(std::span<const Checkpoint> epochs);

// A name nobody else chooses.
std::string NewStageName();

}  // namespace leat::iceberg
