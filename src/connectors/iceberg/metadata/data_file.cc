#include "connectors/iceberg/metadata/data_file.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "format/json_number.h"

namespace leat::iceberg {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kHex = "0123456789abcdef";

std::string ToHex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (char c : bytes) {
    auto byte = static_cast<uint8_t>(c);
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

// Throws, as nlohmann's own accessors do, on what is no hexadecimal text.
std::string FromHex(const std::string& text) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    size_t high = kHex.find(text[i]), low = kHex.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      throw Json::other_error::create(501, "not hexadecimal: " + text, nullptr);
    }
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

// Maps are arrays of [id, value]: JSON's own keys are strings.
template <typename T>
Json Pairs(const std::map<int, T>& map) {
  Json json = Json::array();
  for (const auto& [id, value] : map) {
    if constexpr (std::is_same_v<T, Binary>) {
      json.push_back({id, ToHex(value)});
    } else {
      json.push_back({id, value});
    }
  }
  return json;
}

template <typename T>
std::map<int, T> ReadPairs(const Json& json) {
  std::map<int, T> map;
  for (const Json& pair : json) {
    int id = JsonNumber<int>(pair.at(0));
    if constexpr (std::is_same_v<T, Binary>) {
      map[id] = FromHex(pair.at(1).get<std::string>());
    } else {
      map[id] = pair.at(1).get<T>();
    }
  }
  return map;
}

DataFile ReadDataFile(const Json& json) {
  DataFile file;
  file.content = static_cast<DataFile::Content>(JsonNumber<int>(json.at("content")));
  file.path = json.at("path").get<std::string>();
  file.format = json.at("format").get<std::string>();
  file.spec_id = JsonNumber<int>(json.at("spec"));
  for (const Json& value : json.at("partition")) {
    if (value.is_null()) {
      file.partition.emplace_back();
    } else {
      file.partition.emplace_back(FromHex(value.get<std::string>()));
    }
  }
  file.record_count = JsonNumber(json.at("records"));
  file.file_size = JsonNumber(json.at("bytes"));
  file.column_sizes = ReadPairs<int64_t>(json.at("sizes"));
  file.value_counts = ReadPairs<int64_t>(json.at("values"));
  file.null_value_counts = ReadPairs<int64_t>(json.at("nulls"));
  file.nan_value_counts = ReadPairs<int64_t>(json.at("nans"));
  file.lower_bounds = ReadPairs<Binary>(json.at("lower"));
  file.upper_bounds = ReadPairs<Binary>(json.at("upper"));
  file.split_offsets = json.at("splits").get<std::vector<int64_t>>();
  file.equality_ids = json.at("equality").get<std::vector<int>>();
  if (json.contains("sort")) file.sort_order_id = JsonNumber<int>(json["sort"]);
  if (json.contains("about")) file.referenced_data_file = json["about"];
  return file;
}

template <typename T>
int Compare(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

// Big-endian two's complement, perhaps of different lengths.
int CompareDecimals(std::string_view a, std::string_view b) {
  auto negative = [](std::string_view v) { return !v.empty() && (v[0] & 0x80) != 0; };
  if (negative(a) != negative(b)) return negative(a) ? -1 : 1;
  const char fill = negative(a) ? '\xff' : '\0';
  const size_t width = std::max(a.size(), b.size());
  auto byte = [&](std::string_view v, size_t i) {
    size_t pad = width - v.size();
    return static_cast<uint8_t>(i < pad ? fill : v[i - pad]);
  };
  for (size_t i = 0; i < width; i++) {
    if (int order = Compare(byte(a, i), byte(b, i))) return order;
  }
  return 0;
}

}  // namespace

int64_t IntegerOf(std::string_view bytes) {
  if (bytes.size() >= sizeof(int64_t)) {
    int64_t wide;
    std::memcpy(&wide, bytes.data(), sizeof(wide));
    return wide;
  }
  int32_t narrow = 0;
  std::memcpy(&narrow, bytes.data(), std::min(sizeof(narrow), bytes.size()));
  return narrow;
}

double RealOf(std::string_view bytes) {
  if (bytes.size() >= sizeof(double)) {
    double wide;
    std::memcpy(&wide, bytes.data(), sizeof(wide));
    return wide;
  }
  float narrow = 0;
  std::memcpy(&narrow, bytes.data(), std::min(sizeof(narrow), bytes.size()));
  return narrow;
}

Json ToJson(const DataFile& file) {
  Json partition = Json::array();
  for (const auto& value : file.partition) {
    partition.push_back(value ? Json(ToHex(*value)) : Json());
  }
  Json json = {{"content", static_cast<int>(file.content)},
               {"path", file.path},
               {"format", file.format},
               {"spec", file.spec_id},
               {"partition", std::move(partition)},
               {"records", file.record_count},
               {"bytes", file.file_size},
               {"sizes", Pairs(file.column_sizes)},
               {"values", Pairs(file.value_counts)},
               {"nulls", Pairs(file.null_value_counts)},
               {"nans", Pairs(file.nan_value_counts)},
               {"lower", Pairs(file.lower_bounds)},
               {"upper", Pairs(file.upper_bounds)},
               {"splits", file.split_offsets},
               {"equality", file.equality_ids}};
  if (file.sort_order_id) json["sort"] = *file.sort_order_id;
  if (file.referenced_data_file) json["about"] = *file.referenced_data_file;
  return json;
}

Result<DataFile> DataFileFromJson(const Json& json) {
  try {
    return ReadDataFile(json);
  } catch (const Json::exception& error) {
    return Status::Bug(std::string("A saved checkpoint lists a file wrongly: ") +
                       error.what());
  }
}

int CompareBinary(const Type& type, std::string_view a, std::string_view b) {
  switch (type.id) {
    case TypeId::kInt:
    case TypeId::kDate:
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: return Compare(IntegerOf(a), IntegerOf(b));
    case TypeId::kFloat:
    case TypeId::kDouble: return Compare(RealOf(a), RealOf(b));
    case TypeId::kDecimal: return CompareDecimals(a, b);
    default: break;
  }
  int order = a.compare(b);
  return Compare(order, 0);
}

}  // namespace leat::iceberg
