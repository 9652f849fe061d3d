#include "format/debezium/source_type.h"

#include <charconv>

namespace leat::debezium {

SourceType ParseSourceType(std::string_view text) {
  SourceType type;
  type.name = text.substr(0, text.find_first_of(" ("));
  type.is_unsigned = text.find(" unsigned") != text.npos;
  const size_t open = text.find('(');
  if (open == text.npos) return type;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + open + 1, end, type.first);
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == ',') {
    std::from_chars(read.ptr + 1, end, type.second);
  }
  return type;
}

std::vector<std::string> LabelsOf(std::string_view text) {
  std::vector<std::string> labels;
  bool inside = false;
  for (size_t i = text.find('('); i < text.size(); i++) {
    if (text[i] != '\'') {
      if (inside) labels.back() += text[i];
    } else if (inside && i + 1 < text.size() && text[i + 1] == '\'') {
      labels.back() += '\'';
      i++;
    } else {
      inside = !inside;
      if (inside) labels.emplace_back();
    }
  }
  return labels;
}

}  // namespace leat::debezium
