// Records of Debezium's topic of schema changes, which is named as the prefix: statements
// as the source logged them, and the shapes that tables have. What a log does not tell of
// a column (defaults, comments, AUTO_INCREMENT) is null. Any thread.
#pragma once

#include <string>

#include "data/batch.h"

namespace leat::debezium {

// True of events that have a record there.
bool IsSchemaChange(const Event& event);

// Key and value of its record; `source` is the text of that field, `millis` the time now.
std::string SchemaChangeKey(const Event& event);
std::string SchemaChangeValue(const Event& event, std::string_view source,
                              int64_t millis);

}  // namespace leat::debezium
