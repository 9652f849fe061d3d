// Upkeep: keeps one table small and quick to read between epochs: folds small data files
// and position deletes, removes orphans. (Snapshots expire and manifests are merged as
// part of each commit, see TableUpkeep in table.h.)
//
// Owned by the sink beside the table it borrows; its writer thread. Errors: those of
// FileIo and Table; the table is then as it was, or folded.
#pragma once

#include <set>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "connectors/iceberg/table.h"
#include "connectors/iceberg/upkeep/fold_plan.h"

namespace leat::iceberg {

struct UpkeepOptions {
  TableUpkeep table;
  FoldOptions fold;
  bool folds = true;
  // Orphans younger than that may be part of a commit under way anywhere.
  Micros orphan_age = std::chrono::hours(24);
  Micros sweep_every = std::chrono::hours(24);
  Micros first_sweep = std::chrono::hours(1);
};

class Upkeep {
 public:
  Upkeep(FileIo& files, Table& table, Clock& clock, Logger& log,
         const UpkeepOptions& options);

  // Works until about `deadline`. True: the table's files changed, so that places of rows
  // in them have to be looked up again. `keep`: files that saved epochs name.
  Result<bool> Run(SteadyTime deadline, const std::set<std::string>& keep);

 private:
  Status Sweep(const std::set<std::string>& keep);

  FileIo& files_;
  Table& table_;
  Clock& clock_;
  Logger& log_;
  const UpkeepOptions options_;
  FoldPlanner planner_;
  SteadyTime next_sweep_;
};

}  // namespace leat::iceberg
