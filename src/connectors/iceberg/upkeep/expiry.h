// Which snapshots a table need not keep.
#pragma once

#include <cstdint>
#include <vector>

#include "connectors/iceberg/metadata/metadata.h"

namespace leat::iceberg {

struct TableUpkeep;

// Those beyond the rule of TableUpkeep, oldest first; never the current one, nor one that
// a branch or tag names. Point into `metadata`.
std::vector<const Snapshot*> ExpiredSnapshots(const TableMetadata& metadata,
                                              const TableUpkeep& upkeep, int64_t now_ms);

}  // namespace leat::iceberg
