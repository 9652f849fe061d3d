// What Iceberg keeps of a Parquet file's columns, from the file's own footer: counts,
// sizes and bounds. Functions; any thread.
#pragma once

#include <map>
#include <optional>

#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/metadata/schema.h"

namespace parquet {
class FileMetaData;
}

namespace leat::iceberg {

// Record count, column sizes, counts, bounds and split offsets. `nan_counts` are those of
// the float columns by field id, which a footer does not have. A column whose values are
// too long for a footer has no bounds; others' are cut unless `whole_bounds`.
void FillStatistics(const parquet::FileMetaData& footer, const Schema& schema,
                    const std::map<int, int64_t>& nan_counts, bool whole_bounds,
                    DataFile* file);

// Bounds as metadata has them: text and bytes cut to 16 characters, the upper one then
// raised; nothing where it cannot be raised.
Binary CutLowerBound(const Type& type, Binary value);
std::optional<Binary> CutUpperBound(const Type& type, Binary value);

}  // namespace leat::iceberg
