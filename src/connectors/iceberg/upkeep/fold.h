// Folds files of a table as FoldPlanner chose: data files into one without their deleted
// rows, or position-delete files into one without those of files that are gone. Readers
// see the same rows before and after. Errors: those of FileIo and Table::Commit.
#pragma once

#include "base/status.h"
#include "connectors/iceberg/table.h"
#include "connectors/iceberg/upkeep/fold_plan.h"

namespace leat::iceberg {

// False: given up, somebody changed the files meanwhile. Tells `planner` what it learned.
Result<bool> Fold(FileIo& files, Table& table, const FoldGroup& group,
                  FoldPlanner* planner);

}  // namespace leat::iceberg
