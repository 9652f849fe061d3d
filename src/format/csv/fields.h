// Lines of RFC 4180 as fields and back. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "format/byte_column.h"
#include "format/options.h"

namespace leat::csv {

struct CsvField {
  std::string_view text;
  bool quoted = false;
};

// Takes the fields of one row off the front of `text`, with the line break behind it. The
// fields point into it or into `memory`. kData for a quote that is not closed, or not at
// a field's ends.
Status TakeRow(const CsvOptions& options, std::string_view* text,
               std::vector<CsvField>* fields, std::string* memory);

// In quotes where it needs them; null as the options say.
void AppendField(const CsvOptions& options, std::string_view text, ByteColumn* to);

}  // namespace leat::csv
