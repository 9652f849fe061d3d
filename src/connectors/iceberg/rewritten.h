// What others did to the files that a change rests on.
#pragma once

#include <optional>

#include "connectors/iceberg/table.h"

namespace leat::iceberg {

// The table is no longer at the change's base snapshot. Nothing: every file that the
// change requires or removes is still there (and, for a change that only replaces files,
// no deletes came). Else the outcome kRewritten, with what is missing and what came.
Result<std::optional<TableCommit>> FindRewritten(Table& table, FileIo& files,
                                                 const TableChange& change);

}  // namespace leat::iceberg
