// What tests of formats share: records and batches written down shortly.
#pragma once

#include <arrow/api.h>

#include <optional>
#include <string>
#include <vector>

#include "base/testing.h"
#include "format/codec.h"

namespace leat {

struct Pair {
  std::optional<std::string> key;
  std::optional<std::string> value;
};

// Records as a source reads them: partition 0, offsets from 0, times 1, 2, 3 seconds.
inline Records MakeRecords(const std::string& topic, const std::vector<Pair>& pairs) {
  RecordsBuilder builder(topic);
  int64_t at = 0;
  for (const Pair& pair : pairs) {
    builder.Add(pair.key ? std::optional<std::string_view>(*pair.key) : std::nullopt,
                pair.value ? std::optional<std::string_view>(*pair.value) : std::nullopt,
                (at + 1) * 1000, "", 0, at);
    at++;
  }
  return builder.Finish();
}

// Keeps what an encoder gives.
inline TakeRecords Into(std::vector<Records>* out) {
  return [out](Records records) {
    out->push_back(std::move(records));
    return Status::Ok();
  };
}

// "key=value" of each record, - for null.
inline std::vector<std::string> Shown(const std::vector<Records>& runs) {
  std::vector<std::string> out;
  for (const Records& records : runs) {
    for (int64_t i = 0; i < records.size(); i++) {
      const auto text = [&](const arrow::BinaryArray& column) {
        return column.IsNull(i) ? std::string("-") : column.GetString(i);
      };
      out.push_back(text(*records.keys) + "=" + text(*records.values));
    }
  }
  return out;
}

// The rows of all chunks as "v1|v2|...", in order.
inline std::vector<std::string> Rows(const Batch& batch) {
  std::vector<std::string> out;
  for (const Chunk& chunk : batch.chunks) {
    for (int64_t row = 0; row < chunk.size(); row++) {
      std::string line;
      for (const auto& column : chunk.rows->columns()) {
        if (!line.empty()) line += '|';
        line += (*column->GetScalar(row))->ToString();
      }
      out.push_back(std::move(line));
    }
  }
  return out;
}

// A value out of text; bytes are the text itself.
inline std::shared_ptr<arrow::Scalar> ScalarOf(
    const std::shared_ptr<arrow::DataType>& type, const std::string& text) {
  if (type->id() == arrow::Type::BINARY) {
    return std::make_shared<arrow::BinaryScalar>(arrow::Buffer::FromString(text));
  }
  if (type->id() == arrow::Type::DECIMAL128) {
    // The digits as they are: they have the type's scale.
    return std::make_shared<arrow::Decimal128Scalar>(
        arrow::Decimal128::FromString(text).ValueOrDie(), type);
  }
  return arrow::Scalar::Parse(type, text).ValueOrDie();
}

inline std::shared_ptr<arrow::Array> ColumnOf(
    const std::shared_ptr<arrow::DataType>& type,
    const std::vector<std::optional<std::string>>& values) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  if (!arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok()) {
    std::abort();
  }
  for (const auto& value : values) {
    const auto scalar = value ? ScalarOf(type, *value) : arrow::MakeNullScalar(type);
    if (!builder->AppendScalar(*scalar).ok()) std::abort();
  }
  return *builder->Finish();
}

}  // namespace leat
