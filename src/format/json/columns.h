// Builds columns out of JSON values. A row is set value by value, each converted and
// checked at once, and then added whole or dropped, so that a value at fault never leaves
// half a row. Owned by one thread. Errors: kData, naming column and value.
//
// What fits a column besides its own kind: a whole number in a float, double or decimal;
// digits in quotes in a number; a number of a fraction in a decimal, rounded half away
// from zero; anything in a string (numbers and nested values as they are written); ISO
// 8601 text, or milliseconds since 1970, in a timestamp; ISO text or days in a date;
// hh:mm:ss or microseconds in a time; base64 in bytes. Bytes as they are fit a string
// that they are the UTF-8 of.
#pragma once

#include <arrow/api.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/schema.h"
#include "format/json/reader.h"

namespace leat::json {

class Columns {
 public:
  explicit Columns(SchemaRef schema);

  const SchemaRef& schema() const { return schema_; }
  int64_t rows() const { return rows_; }

  // The value of a column in the row that is being set; the last one counts.
  Status Set(size_t column, const Value& value);
  // Adds the row: columns not set are null. With `partly` columns that must not be null
  // may be missing, of which a delete knows the key alone; they get an empty value.
  // Check says beforehand, and drops nothing.
  Status Add(bool partly);
  Status Check(bool partly) const;
  void Drop();

  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  struct Slot {
    bool set = false;
    bool null = true;
    int64_t integer = 0;  // also bool, date, timestamps
    double real = 0;
    arrow::Decimal128 decimal;
    std::string_view text;
    std::string memory;  // what `text` points to when it was made here
  };
  Status Convert(const Column& column, const Value& value, Slot* slot) const;
  void Append(size_t column, const Slot& slot);

  SchemaRef schema_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
  std::vector<Slot> slots_;
  int64_t rows_ = 0;
};

}  // namespace leat::json
