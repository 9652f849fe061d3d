// Which columns make a record's key. Any thread.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "data/schema.h"

namespace leat {

// Those the user named, else the table's key; empty: neither. kConfig for a name that the
// table does not have.
Result<std::vector<int>> KeyColumns(const TableSchema& schema,
                                    const std::vector<std::string>& named);

}  // namespace leat
