// Finds and removes files of a table that nothing names: left by processes that were
// killed, by commits that lost, by expired snapshots of a process that is gone.
//
// Only files below the table's data and metadata folders, of the kinds written here,
// older than an age that no unfinished commit reaches, that no snapshot of any branch or
// tag names. A folder in which another table's metadata lies is left alone. Errors: those
// of FileIo; then nothing more is removed.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/clock.h"
#include "connectors/iceberg/table.h"

namespace leat::iceberg {

struct SweepResult {
  int64_t removed = 0;
  int64_t bytes = 0;
  std::string skipped;  // why nothing was looked at; empty: it was
};

// `keep`: locations that saved checkpoints name.
Result<SweepResult> SweepOrphans(Table& table, FileIo& files, int64_t now_micros,
                                 Micros older_than, const std::set<std::string>& keep);

}  // namespace leat::iceberg
