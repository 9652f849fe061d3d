// `format: json`: a row is an object of its columns; the key is an object of the key's
// columns, null where the table has none.
#pragma once

#include "format/row_encoder.h"

namespace leat::json {

class JsonEncoder final : public RowEncoder {
 public:
  using RowEncoder::RowEncoder;

 protected:
  Result<std::unique_ptr<RowForm>> MakeForm(const TableSchema& schema,
                                            const std::vector<int>& columns,
                                            bool key) override;
};

}  // namespace leat::json
