// The topic of a table: a template with {database}, {schema} and {table}. Any thread.
#pragma once

#include <string>

#include "data/schema.h"

namespace leat {

std::string TopicName(std::string_view name, const TableId& table);

}  // namespace leat
