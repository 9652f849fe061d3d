// One value of a row image into a column: the columns' types as steps that a decoder
// takes, worked out once a table map, and what each does. Owned by a RowDecoder; one
// thread. Errors: a value at fault is a fault of the writer's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "connectors/mysql/values/column_builder.h"
#include "connectors/mysql/values/decimal.h"
#include "connectors/mysql/values/value_writer.h"

namespace leat::mysql {

// How a value's bytes become a value; made of the column's type once.
enum class FieldOp : uint8_t {
  kInt8,
  kUint8,
  kInt16,
  kUint16,
  kInt24,
  kUint24,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kFloat,
  kDouble,
  kYear,
  kBool,
  kText,
  kBytes,
  kDatetime,
  kTimestamp,
  kDate,
  kDecimal,
  // Rarer ones from here on.
  kDecimalText,
  kTime,
  kOldTime,
  kOldDatetime,
  kOldTimestamp,
  kEnum,
  kSet,
  kFixedBytes,
  kNative,
  kGeometry,
  kJson,
  kCompressedText,
  kCompressedBytes,
};

struct ValueField {
  FieldOp op;
  uint8_t prefix = 0;  // bytes of the length in front; 0: `width` bytes without one
  uint8_t precision = 0;
  uint8_t scale = 0;
  uint32_t width = 0;
  const Charset* charset = nullptr;
  DecimalReader decimal = {};

  // The bytes of a value; nullptr: malformed. A length that is cut off reads as zero: the
  // caller asks in->failed() once behind the last value.
  const uint8_t* Take(ByteReader* in, size_t* size) const {
    *size = width;
    switch (prefix) {
      case 0: break;
      case 1: *size = in->U8(); break;
      case 2: *size = in->U16(); break;
      default: *size = in->Little(prefix);
    }
    return in->Take(*size);
  }
};

class ValueDecoder {
 public:
  ValueDecoder(const TableDef& table, const ValueOptions& options);

  const std::vector<ValueField>& fields() const { return fields_; }
  ValueWriter& writer() { return writer_; }

  // The value at `p`, not null, of the column's field into `row` of `to`.
  void Put(const ValueField& f, const uint8_t* p, size_t size, ColumnBuilder* to,
           int64_t row, int column);
  // A JSON value that is `before` changed by `diffs`.
  void PutPatched(std::optional<std::string_view> before, std::string_view diffs,
                  ColumnBuilder* to, int64_t row, int column);

 private:
  void PutRare(const ValueField& f, const uint8_t* p, size_t size, ColumnBuilder* to,
               int64_t row, int column);
  void PutJson(bool ok, ColumnBuilder* to, int64_t row, int column);
  void PutCompressed(const ValueField& f, std::string_view bytes, ColumnBuilder* to,
                     int64_t row, int column);

  ValueWriter writer_;
  std::vector<ValueField> fields_;
  std::string text_;  // of the value at hand
};

inline uint32_t Little24(const uint8_t* p) {
  return static_cast<uint32_t>(p[0] | p[1] << 8 | p[2] << 16);
}

template <typename T>
T LoadAs(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

inline bool HasBit(const uint8_t* bits, size_t i) { return bits[i >> 3] >> (i & 7) & 1; }

}  // namespace leat::mysql
