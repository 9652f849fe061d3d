// What both decoders do with a value once they have read it: one place decides what a
// date, a text or a label becomes and when a row is at fault. Owned by a decoder; one
// thread.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/values/charset.h"
#include "connectors/mysql/values/column.h"
#include "connectors/mysql/values/column_builder.h"
#include "connectors/mysql/values/decimal.h"
#include "connectors/mysql/values/temporal.h"
#include "data/batch.h"

namespace leat::mysql {

class ValueWriter {
 public:
  ValueWriter(const TableDef& table, const ValueOptions& options);

  const TableDef& table() const { return table_; }
  const ColumnDef& def(int column) const {
    return table_.columns[static_cast<size_t>(column)];
  }
  int64_t zero_dates() const { return zero_dates_; }

  void StartRow() {
    faults_.clear();
    dates_before_row_ = zero_dates_;
  }
  bool faulty() const { return !faults_.empty(); }
  // After RollbackRow of a faulty row.
  void ForgetRow() { zero_dates_ = dates_before_row_; }
  // The row becomes a dead letter for its first fault. `json`: what could be read.
  DeadLetter Letter(std::string json) const;
  bool IsFault(int column) const;

  // Each writes `row` of the column, null when the value is at fault.
  void Date(ColumnBuilder* to, int64_t row, int column, uint32_t y, uint32_t m,
            uint32_t d) {
    if (IsDate(y, m, d)) [[likely]] {
      to->Put<int32_t>(row, DaysOf(y, m, d));
    } else {
      NoDate(to, row, column, {y, m, d});
    }
  }
  void DateAndTime(ColumnBuilder* to, int64_t row, int column, const DateTime& t) {
    // Rows near each other tend to be of one day.
    const uint32_t date = t.year << 16 | t.month << 8 | t.day;
    if (date != last_date_ || date == 0) [[unlikely]] {
      if (!IsDate(t.year, t.month, t.day)) {
        NoDate(to, row, column, t);
        return;
      }
      last_date_ = date;
      last_day_micros_ = DaysOf(t.year, t.month, t.day) * kDayMicros;
    }
    to->Put<int64_t>(row, last_day_micros_ + DayTime(t));
  }
  // Seconds and microseconds since 1970 UTC; zero stands for 0000-00-00.
  void Instant(ColumnBuilder* to, int64_t row, int column, int64_t seconds,
               uint32_t micros) {
    if (seconds != 0 || micros != 0) [[likely]] {
      to->Put<int64_t>(row, seconds * kMicros + micros);
    } else {
      NoDate(to, row, column, {});
    }
  }
  // Bytes in the column's character set.
  void Text(ColumnBuilder* to, int64_t row, int column, const Charset& charset,
            const char* data, size_t size) {
    if (charset.ascii_based() && IsAscii(data, size)) [[likely]] {
      Bytes(to, row, column, data, size);
    } else {
      OtherText(to, row, column, charset, data, size);
    }
  }
  void Bytes(ColumnBuilder* to, int64_t row, int column, const char* data, size_t size) {
    if (!to->PutBytes(row, data, size)) [[unlikely]]
      TooLong(to, row, column, size);
  }
  // A BINARY(n), whose trailing zeros the log leaves out.
  void Padded(ColumnBuilder* to, int64_t row, int column, const char* data, size_t size);
  // MySQL's four bytes of SRID, then WKB, which is what goes on.
  void Geometry(ColumnBuilder* to, int64_t row, int column, const char* data,
                size_t size);
  void Enum(ColumnBuilder* to, int64_t row, int column, uint64_t index);
  void Set(ColumnBuilder* to, int64_t row, int column, uint64_t bits);
  void Fault(ColumnBuilder* to, int64_t row, int column, std::string_view raw,
             std::string reason);

 private:
  struct FaultyValue {
    int column;
    std::string reason;
  };

  void NoDate(ColumnBuilder* to, int64_t row, int column, const DateTime& t);
  void OtherText(ColumnBuilder* to, int64_t row, int column, const Charset& charset,
                 const char* data, size_t size);
  void TooLong(ColumnBuilder* to, int64_t row, int column, size_t size);
  bool IsKey(int column) const;

  TableDef table_;
  ValueOptions options_;
  std::vector<FaultyValue> faults_;
  uint32_t last_date_ = 0;  // 0: none yet
  int64_t last_day_micros_ = 0;
  int64_t zero_dates_ = 0;
  int64_t dates_before_row_ = 0;
};

// Upper-case hexadecimal of at most 64 bytes, then "...".
std::string ShortHex(std::string_view bytes);

}  // namespace leat::mysql
