// Params: values of rows, column by column, as the client library binds them: gathered
// out of Arrow, converted to what the target's column takes. What the server would change
// without a word is found here: digits of a second, the fraction of a whole number.
// Owned by one writer; one thread. Filled anew for each statement; the rows' text stays
// in Arrow's buffers, which must live until then.
#pragma once

#include <arrow/record_batch.h>
#include <mysql.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/sink/target_table.h"

namespace leat::mysql {

// A row of one of several batches.
struct RowRef {
  uint32_t batch = 0;
  uint32_t row = 0;
};
using RowBatches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

// A row that cannot be written, by its place among those given.
struct RowFault {
  size_t row = 0;
  std::string reason;
};

class ParamColumn {
 public:
  // `source`: the column's place in the batches. kConfig: no way to bind the type.
  static Result<ParamColumn> Make(int source, const arrow::DataType& type,
                                  const TargetColumn& target);

  void Fill(const RowBatches& batches, std::span<const RowRef> rows,
            std::vector<RowFault>* faults);
  // For all rows at once, as an array.
  void BindArray(MYSQL_BIND* to);
  // For one row.
  void BindRow(size_t row, MYSQL_BIND* to);
  // What the row's value takes in a statement, at most.
  size_t Bytes(size_t row) const { return kind_ == Kind::kText ? 9 + lengths_[row] : 13; }

  int source() const { return source_; }
  const TargetColumn& target() const { return target_; }

 private:
  enum class Kind : uint8_t { kFixed, kText, kTime };
  using Converter = void (ParamColumn::*)(const std::vector<const arrow::Array*>&,
                                          std::span<const RowRef>);

  ParamColumn(int source, TargetColumn target)
      : source_(source), target_(std::move(target)) {}
  Status Choose(const arrow::DataType& type);
  void Use(Kind kind, enum_field_types type, Converter converter, size_t width = 0);
  // Each chooses for its kind of types; converter_ tells whether it has.
  void ChooseInteger(const arrow::DataType& type);
  void ChooseFraction(const arrow::DataType& type);
  void ChooseBytes(const arrow::DataType& type);
  void ChooseTemporal(const arrow::DataType& type);
  template <typename Array, typename Value>
  void UseNumbers(enum_field_types type);
  template <typename Array, typename Value>
  void UseFloat(enum_field_types type);
  template <typename Array>
  void UseText();

  template <typename Array, typename Value>
  void Numbers(const std::vector<const arrow::Array*>& from,
               std::span<const RowRef> rows);
  template <typename Array>
  void WholeNumbers(const std::vector<const arrow::Array*>& from,
                    std::span<const RowRef> rows);
  template <typename Array>
  void RoundedNumbers(const std::vector<const arrow::Array*>& from,
                      std::span<const RowRef> rows);
  template <typename Array>
  void Texts(const std::vector<const arrow::Array*>& from, std::span<const RowRef> rows);
  template <typename Array>
  void TimeTexts(const std::vector<const arrow::Array*>& from,
                 std::span<const RowRef> rows);
  template <typename Array>
  void WholeTexts(const std::vector<const arrow::Array*>& from,
                  std::span<const RowRef> rows);
  template <typename Array>
  void Dates(const std::vector<const arrow::Array*>& from, std::span<const RowRef> rows);
  template <typename Array>
  void DateTimes(const std::vector<const arrow::Array*>& from,
                 std::span<const RowRef> rows);
  template <typename Array>
  void Times(const std::vector<const arrow::Array*>& from, std::span<const RowRef> rows);
  void Decimals(const std::vector<const arrow::Array*>& from,
                std::span<const RowRef> rows);

  template <typename Array, typename Put>
  void ForEach(const std::vector<const arrow::Array*>& from, std::span<const RowRef> rows,
               Put put);
  void PutText(size_t row, std::string_view text);  // copied
  void PutDateTime(size_t row, int64_t micros);
  void Fault(size_t row, std::string_view value, std::string_view why);

  int source_;
  TargetColumn target_;
  Kind kind_ = Kind::kFixed;
  enum_field_types type_ = MYSQL_TYPE_LONGLONG;
  Converter converter_ = nullptr;
  size_t width_ = 0;
  bool is_unsigned_ = false;
  int64_t unit_ = 1;   // microseconds of one, or of which one is a part (negative)
  int64_t grain_ = 1;  // microseconds that the target's column can tell apart
  int scale_ = 0;      // of a decimal source

  std::vector<uint8_t> fixed_;
  std::vector<MYSQL_TIME> times_;
  std::vector<const void*> pointers_;
  std::vector<unsigned long> lengths_;
  std::vector<char> indicators_;
  std::vector<char> nulls_;
  std::string arena_;            // of texts made here
  std::vector<size_t> offsets_;  // into it; SIZE_MAX: the text is elsewhere
  std::vector<RowFault>* faults_ = nullptr;
};

}  // namespace leat::mysql
