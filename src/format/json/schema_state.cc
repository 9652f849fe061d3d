#include "format/json/schema_state.h"

#include <arrow/type.h>

#include "core/json.h"
#include "format/options.h"

namespace leat::json {
namespace {

// The names of those types that are inferred.
std::string NameOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "boolean";
    case arrow::Type::INT64: return "bigint";
    case arrow::Type::DECIMAL128: return "decimal(20,0)";
    case arrow::Type::DOUBLE: return "double";
    default: return "string";
  }
}

}  // namespace

std::string WriteSchemaState(const std::map<std::string, LearntTable>& topics) {
  nlohmann::json state = nlohmann::json::object();
  for (const auto& [topic, table] : topics) {
    nlohmann::json list = nlohmann::json::array();
    for (const Column& column : table.columns) {
      list.push_back({column.name, NameOf(*column.type)});
    }
    state[topic]["columns"] = std::move(list);
    if (!table.key.empty()) state[topic]["key"] = table.key;
  }
  return DumpJson(state);
}

Result<std::map<std::string, LearntTable>> ReadSchemaState(std::string_view text) {
  std::map<std::string, LearntTable> topics;
  try {
    const nlohmann::json state = ParseJson<nlohmann::json>(text);
    for (const auto& [topic, table] : state.items()) {
      LearntTable& learnt = topics[topic];
      for (const auto& pair : table.at("columns")) {
        ASSIGN_OR_RETURN(auto column, ParseColumns("x " + pair.at(1).get<std::string>()));
        column.at(0).name = pair.at(0).get<std::string>();
        learnt.columns.push_back(std::move(column[0]));
      }
      learnt.key = table.value("key", std::vector<std::string>());
    }
  } catch (const std::exception& e) {
    return Status::Config(std::string("what was learnt of tables and kept with a "
                                      "position cannot be read: ") +
                          e.what());
  }
  return topics;
}

}  // namespace leat::json
