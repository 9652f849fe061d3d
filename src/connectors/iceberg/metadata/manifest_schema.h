// The Avro schema of a manifest, for one partition spec, and partition values in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/metadata/partition_spec.h"
#include "format/avro_reader.h"
#include "format/avro_writer.h"

namespace leat::iceberg {

// `types`: the result type of each of the spec's fields.
std::string ManifestAvroSchema(const PartitionSpec& spec, const std::vector<Type>& types);

// One partition value as its ["null", type] union.
void EncodePartitionValue(const Type& type, const std::optional<Binary>& value,
                          AvroEncoder* out);
// The single-value binary form of what Avro has; nothing for a null.
std::optional<Binary> DecodePartitionValue(const AvroSchema& schema, int node,
                                           const AvroValue& value);

}  // namespace leat::iceberg
