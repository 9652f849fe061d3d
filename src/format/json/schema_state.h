// Inferred columns as text, to be kept with a position: {"topic":[["id","bigint"],...]}.
// Any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/schema.h"

namespace leat::json {

std::string WriteSchemaState(const std::map<std::string, std::vector<Column>>& topics);
// kConfig for what was not written so.
Result<std::map<std::string, std::vector<Column>>> ReadSchemaState(std::string_view text);

}  // namespace leat::json
