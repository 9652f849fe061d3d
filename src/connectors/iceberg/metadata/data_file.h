// DataFile: one data or position-delete file, as manifests and saved checkpoints list it.
// Values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/schema.h"

namespace leat::iceberg {

// A value in the single-value binary form of the Iceberg spec (appendix D): little-endian
// numbers, big-endian two's complement decimals, UTF-8.
using Binary = std::string;

struct DataFile {
  enum class Content : uint8_t { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };

  Content content = Content::kData;
  std::string path;  // its location, exactly as position deletes name it
  std::string format = "PARQUET";
  int spec_id = 0;
  // One for each field of the partition spec, by its transform's result type; nothing:
  // null.
  std::vector<std::optional<Binary>> partition;
  int64_t record_count = 0;
  int64_t file_size = 0;
  // By field id. `value_counts` count nulls and NaNs too.
  std::map<int, int64_t> column_sizes;
  std::map<int, int64_t> value_counts;
  std::map<int, int64_t> null_value_counts;
  std::map<int, int64_t> nan_value_counts;
  std::map<int, Binary> lower_bounds;
  std::map<int, Binary> upper_bounds;
  std::vector<int64_t> split_offsets;
  std::vector<int> equality_ids;  // kEqualityDeletes, of others
  std::optional<int> sort_order_id;
  // kPositionDeletes: the one data file it is about, when it is one.
  std::optional<std::string> referenced_data_file;

  bool operator==(const DataFile&) const = default;
};

nlohmann::json ToJson(const DataFile& file);
Result<DataFile> DataFileFromJson(const nlohmann::json& json);

// The value of an int, long, date, time or timestamp in its binary form, and of a float
// or double; one that was written before its column was widened is shorter.
int64_t IntegerOf(std::string_view binary);
double RealOf(std::string_view binary);

// -1, 0, 1: two values of one primitive type in their binary form.
int CompareBinary(const Type& type, std::string_view a, std::string_view b);

}  // namespace leat::iceberg
