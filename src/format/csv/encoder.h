// `format: csv`: a row is a line of its columns (RFC 4180, without the last line break),
// behind a line with their names if `header` says so; the key is a line of the key's
// columns. Values are written as `format: json` writes them, without its quotes.
#pragma once

#include "format/row_encoder.h"

namespace leat::csv {

class CsvEncoder final : public RowEncoder {
 public:
  using RowEncoder::RowEncoder;

 protected:
  Result<std::unique_ptr<RowForm>> MakeForm(const TableSchema& schema,
                                            const std::vector<int>& columns,
                                            bool key) override;
};

}  // namespace leat::csv
