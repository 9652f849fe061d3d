// Rows of Arrow columns as JSON objects, without anything per row but the bytes: what is
// the same in every row is put together once, and each value is written in the form its
// field asks for. Owned by one thread. Nothing fails: whoever makes the fields gives each
// a form that fits its column's type.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/schema.h"

namespace leat::json {

// How a value is written. In parentheses the Arrow type it is for.
enum class Form : uint8_t {
  kNull,       // always null (any)
  kBool,       // (bool)
  kInt,        // (int32, int64, date32, timestamp: the number as it is)
  kDivided,    // the number divided by `arg`, rounded down (date32, int64, timestamp)
  kTimes,      // the number times `arg` (int32, int64, date32, timestamp)
  kFloat,      // (float32)
  kDouble,     // (float64)
  kString,     // (utf8)
  kRaw,        // text that is JSON already (utf8)
  kBase64,     // (binary, utf8)
  kBase64Url,  // (binary)
  kHex,        // (binary)
  kBase64Reversed,  // the last byte first (binary)
  kByteOfBool,      // one byte, in base64 (bool)
  kDecimal,         // digits as a number (decimal128)
  kDecimalString,   // digits in quotes (decimal128)
  kDecimalDouble,   // (decimal128, utf8 with digits)
  kDecimalBytes,    // unscaled, big-endian two's complement, base64 (decimal128, utf8)
  kDecimalLong,     // its low 64 bits, signed (decimal128 of scale 0)
  kDate,            // 2024-01-02 (date32)
  kTimestamp,       // 2024-01-02T10:11:12.5, as few digits as there are (timestamp[us])
  kTimestampZ,      // the same with Z
  kTimestampFixed,  // with Z and `arg` digits of the fraction
  kTimeOfDay,       // 10:11:12.5 (int64, microseconds); null outside a day
  kMillisOfDay,     // a number of (int64, microseconds); null outside a day
  kCompact,         // JSON text without its blanks, as a string (utf8)
  kFloats,          // an array of numbers (binary: little-endian floats)
  kPoint,           // {"x":..,"y":..,"wkb":..,"srid":..} (binary: WKB)
  kGeometry,        // {"wkb":..,"srid":..} (binary: WKB)
};

struct RowField {
  std::string name;
  int column = 0;
  Form form = Form::kString;
  int64_t arg = 1;
  // `suffix` goes behind the value of text forms, inside the quotes ("Z").
  std::string suffix;
  // The column of the geometry's SRIDs in the chunk's meta; -1: none.
  int srid = -1;
};

// The form a plain JSON reader expects of a column.
Form PlainForm(const arrow::DataType& type);

class RowWriter {
 public:
  RowWriter() = default;
  explicit RowWriter(std::vector<RowField> fields);

  // The rows to write next; borrowed until the next Bind. `meta` may be null.
  void Bind(const arrow::RecordBatch& rows, const arrow::RecordBatch* meta = nullptr);
  // How many bytes the row takes at most.
  size_t Most(int64_t row) const;
  // {"id":1,...}
  char* Write(int64_t row, char* out) const;

 private:
  // A field bound to the memory of its column.
  struct Cell {
    std::string prefix;  // ,"name":
    RowField field;
    size_t most = 0;   // of what does not depend on the value
    size_t scale = 0;  // bytes a byte of the value takes at most; 0: fixed width
    const uint8_t* valid = nullptr;  // null: no nulls
    const uint8_t* data = nullptr;
    const int32_t* offsets = nullptr;  // binary, utf8
    int64_t first = 0;                 // the column's offset in its buffers
    int width = 0;                     // bytes of a number
    int32_t decimal_scale = 0;
    const arrow::Array* srid = nullptr;
  };
  static char* WriteValue(const Cell& cell, int64_t row, char* out);
  static char* WriteNumber(const Cell& cell, int64_t at, char* out);
  static char* WriteDecimal(const Cell& cell, int64_t at, char* out);
  static char* WriteBytes(const Cell& cell, int64_t row, std::string_view bytes,
                          char* out);

  std::vector<Cell> cells_;
  std::vector<size_t> variable_;  // cells whose size depends on the value
  size_t fixed_ = 2;
};

// One row as a dead letter keeps it: plain forms, binary values in hexadecimal.
std::string RowText(const arrow::RecordBatch& rows, int64_t row);

}  // namespace leat::json
