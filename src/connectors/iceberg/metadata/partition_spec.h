// Partition specs of the Iceberg table spec: which fields a table is partitioned by and
// through which transform. Transforms are applied in transform.h. Values; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/schema.h"

namespace leat::iceberg {

struct Transform {
  enum class Kind : uint8_t {
    kIdentity,
    kBucket,
    kTruncate,
    kYear,
    kMonth,
    kDay,
    kHour,
    kVoid,
    kUnknown,  // of a newer format: kept, never applied
  };
  Kind kind = Kind::kIdentity;
  int width = 0;     // buckets, or the truncate width
  std::string text;  // as the metadata has it

  static Transform Parse(std::string_view text);
  std::string ToString() const;
  // The type of its results; kConfig where it does not apply to `source`.
  Result<Type> ResultType(const Type& source) const;

  bool operator==(const Transform& other) const {
    return kind == other.kind && width == other.width;
  }
};

struct PartitionField {
  int source_id = 0;
  int field_id = 0;  // 1000 and up
  std::string name;
  Transform transform;

  bool operator==(const PartitionField&) const = default;
};

struct PartitionSpec {
  int id = 0;
  std::vector<PartitionField> fields;

  bool unpartitioned() const { return fields.empty(); }
  // The type of each field's values, in order.
  Result<std::vector<Type>> ResultTypes(const Schema& schema) const;

  nlohmann::json ToJson() const;
  static Result<PartitionSpec> FromJson(const nlohmann::json& json);
  // From what a user writes: "day(created_at)", "bucket(16, id)", "truncate(4, name)",
  // "country". Fields are named as Spark does: created_at_day, id_bucket, name_trunc.
  static Result<PartitionSpec> Make(const std::vector<std::string>& terms,
                                    const Schema& schema);
};

}  // namespace leat::iceberg
