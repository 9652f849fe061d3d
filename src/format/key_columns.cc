#include "format/key_columns.h"

#include <fmt/format.h>

namespace leat {

Result<std::vector<int>> KeyColumns(const TableSchema& schema,
                                    const std::vector<std::string>& named) {
  if (named.empty()) return schema.key;
  std::vector<int> columns;
  for (const std::string& name : named) {
    const int column = schema.Find(name);
    if (column < 0) {
      return Status::Config(
          fmt::format("key: table {} has no column `{}`", schema.id.ToString(), name));
    }
    columns.push_back(column);
  }
  return columns;
}

}  // namespace leat
