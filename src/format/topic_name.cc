#include "format/topic_name.h"

namespace leat {

std::string TopicName(std::string_view name, const TableId& table) {
  const std::pair<std::string_view, const std::string*> places[] = {
      {"{database}", &table.database},
      {"{schema}", &table.schema},
      {"{table}", &table.table}};
  std::string out;
  while (!name.empty()) {
    size_t taken = 1;
    const std::string* value = nullptr;
    for (const auto& [place, text] : places) {
      if (!name.starts_with(place)) continue;
      taken = place.size();
      value = text;
    }
    out += value ? std::string_view(*value) : name.substr(0, 1);
    name.remove_prefix(taken);
  }
  return out;
}

}  // namespace leat
