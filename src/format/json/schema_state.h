// What was learnt of tables as text, to be kept with a position: inferred columns, and
// the key that records named: {"topic":{"columns":[["id","bigint"],...],"key":["id"]}}.
// Any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/schema.h"

namespace leat::json {

struct LearntTable {
  std::vector<Column> columns;
  std::vector<std::string> key;
};

std::string WriteSchemaState(const std::map<std::string, LearntTable>& topics);
// kConfig for what was not written so.
Result<std::map<std::string, LearntTable>> ReadSchemaState(std::string_view text);

}  // namespace leat::json
