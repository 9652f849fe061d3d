// `format: csv`: a record is one row (RFC 4180), its fields in the order of the declared
// columns, or named by a line before it. With names and no declared columns all of them
// are text. A tombstone's key is a line of the key's columns.
#pragma once

#include "format/csv/fields.h"
#include "format/json/decoder.h"

namespace leat::csv {

class CsvDecoder final : public json::JsonDecoder {
 public:
  using JsonDecoder::JsonDecoder;

 protected:
  Status ReadValue(const Records& records, int64_t record,
                   std::vector<json::Member>* members, bool* gone) override;
  Status ReadKey(std::string_view key, const std::vector<std::string>& names,
                 std::vector<json::Member>* members) override;

 private:
  Status ReadRow(std::string_view text, std::vector<json::Member>* members);

  std::vector<CsvField> fields_;
  std::string memory_;
  std::vector<std::string> names_;  // of the row being read
  std::string header_;              // the line that named them
};

}  // namespace leat::csv
