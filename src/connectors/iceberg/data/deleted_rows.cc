#include "connectors/iceberg/data/deleted_rows.h"

#include <arrow/array.h>

#include <algorithm>

#include "connectors/iceberg/data/parquet_reader.h"
#include "connectors/iceberg/data/position_delete.h"

namespace leat::iceberg {

Result<DeletedRows> ReadDeletedRows(
    FileIo& files, std::span<const DataFile> deletes,
    const std::function<bool(const std::string&)>& wanted) {
  DeletedRows deleted;
  for (const DataFile& file : deletes) {
    ASSIGN_OR_RETURN(auto reader,
                     ParquetReader::Open(files, file.path, PositionDeleteSchema()));
    std::string last;
    std::vector<uint32_t>* of_last = nullptr;
    for (bool first = true;;) {
      ASSIGN_OR_RETURN(const auto batch, reader->Next());
      if (!batch) break;
      const auto& paths = static_cast<const arrow::StringArray&>(*batch->column(0));
      const auto& rows = static_cast<const arrow::Int64Array&>(*batch->column(1));
      for (int64_t i = 0; i < batch->num_rows(); i++) {
        if (first || paths.GetView(i) != last) {
          first = false;
          last = paths.GetView(i);
          of_last = !wanted || wanted(last) ? &deleted[last] : nullptr;
        }
        if (of_last) of_last->push_back(static_cast<uint32_t>(rows.Value(i)));
      }
    }
  }
  for (auto& [path, rows] : deleted) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  }
  return deleted;
}

}  // namespace leat::iceberg
