// RowShaper: a source's rows as a table's: columns by name in the table's order, each
// widened to the table's type; a column the source does not have is null. Columns of
// equal type are shared, not copied. Constant after Make; any thread. Errors: kConfig
// where a column cannot be had from the source.
#pragma once

#include <arrow/record_batch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/schema.h"

namespace leat::iceberg {

class RowShaper {
 public:
  static Result<RowShaper> Make(const arrow::Schema& source, const Schema& table);

  // Rows with a value the table cannot hold come back in `bad` (row, reason naming column
  // and value) with a null in its place.
  Result<std::shared_ptr<arrow::RecordBatch>> Shape(
      const arrow::RecordBatch& rows, std::map<int64_t, std::string>* bad) const;

 private:
  struct Mapping {
    int source = -1;
    bool cast = false;
    bool required = false;
  };
  std::vector<Mapping> columns_;
  std::shared_ptr<arrow::Schema> arrow_;
};

// The rows at `indices`, in that order.
Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& rows, const std::vector<int64_t>& indices);

}  // namespace leat::iceberg
