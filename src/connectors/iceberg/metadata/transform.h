// Partition transforms of the Iceberg table spec, applied to whole columns. Functions;
// any thread. Errors: kConfig where a transform does not apply to a type.
#pragma once

#include <arrow/array.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/metadata/partition_spec.h"
#include "connectors/iceberg/metadata/schema.h"

namespace leat::iceberg {

// A column of few distinct values: codes[row] is a position in `values`.
struct Coded {
  std::vector<uint32_t> codes;
  std::vector<std::optional<Binary>> values;  // nothing: null
};

// `column` has the Arrow type of `source` (ArrowTypeOf).
Result<Coded> ApplyTransform(const Transform& transform, const Type& source,
                             const arrow::Array& column);

// Murmur3, x86, 32 bits, seed 0: what the bucket transform hashes with.
uint32_t Murmur3(std::string_view bytes);

// A partition value as it stands in a path: "2024-05-01", "19-digit", "null".
std::string HumanValue(const Transform& transform, const Type& result,
                       const std::optional<Binary>& value);

}  // namespace leat::iceberg
