// Whether a column's values outlive its new definition: ALTER TABLE ... MODIFY and CHANGE
// convert the rows that are there, and write no row event. Any thread.
#pragma once

#include <string_view>

#include "connectors/mysql/values/column.h"

namespace leat::mysql {

// True when every value that `was` can hold is the same value under `definition` (what
// follows the column's name in the statement): wider integers, longer text, more labels
// at the end. What it does not understand converts. `now` is the column as
// information_schema has it, for the character set that the statement does not name; null
// when it is not known.
bool KeepsValues(const ColumnDef& was, std::string_view definition, const ColumnDef* now);

}  // namespace leat::mysql
