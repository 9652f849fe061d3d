// Column::source_type of the MySQL source, taken apart. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leat::debezium {

struct SourceType {
  std::string_view name;  // points into what was parsed
  bool is_unsigned = false;
  int first = 0;  // the numbers in parentheses; 0: none
  int second = 0;
};
SourceType ParseSourceType(std::string_view text);

// enum('a','it''s') as a and it's.
std::vector<std::string> LabelsOf(std::string_view text);

}  // namespace leat::debezium
