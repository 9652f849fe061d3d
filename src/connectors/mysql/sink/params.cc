#include "connectors/mysql/sink/params.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "connectors/mysql/sink/calendar.h"

namespace leat::mysql {
namespace {

using Arrays = std::vector<const arrow::Array*>;
using Refs = std::span<const RowRef>;

bool IsWhole(const std::string& type) {
  for (const char* name : {"tinyint", "smallint", "mediumint", "int", "bigint", "year"}) {
    if (type == name) return true;
  }
  return false;
}

bool IsTemporal(const std::string& type) {
  return type == "date" || type == "datetime" || type == "timestamp";
}

int64_t Grain(const TargetColumn& target) {
  if (target.data_type == "date") return kDayMicros;
  int64_t grain = kMicros;
  for (int i = 0; i < target.fraction; i++) grain /= 10;
  return grain;
}

// Microseconds of a unit of Arrow's; nanoseconds are a thousandth: -1000.
int64_t MicrosOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return kMicros;
    case arrow::TimeUnit::MILLI: return 1000;
    case arrow::TimeUnit::MICRO: return 1;
    default: return -1000;
  }
}

}  // namespace

Result<ParamColumn> ParamColumn::Make(int source, const arrow::DataType& type,
                                      const TargetColumn& target) {
  ParamColumn column(source, target);
  column.grain_ = Grain(target);
  RETURN_IF_ERROR(column.Choose(type));
  return column;
}

void ParamColumn::Use(Kind kind, enum_field_types type, Converter converter,
                      size_t width) {
  kind_ = kind;
  type_ = type;
  converter_ = converter;
  width_ = width;
}

Status ParamColumn::Choose(const arrow::DataType& type) {
  ChooseInteger(type);
  if (!converter_) ChooseFraction(type);
  if (!converter_) ChooseBytes(type);
  if (!converter_) ChooseTemporal(type);
  if (converter_) return Status::Ok();
  return Status::Config(fmt::format(
      "column `{}` is {}, which no MySQL column holds; turn it into text in a step",
      target_.name, type.ToString()));
}

template <typename Array, typename Value>
void ParamColumn::UseNumbers(enum_field_types type) {
  is_unsigned_ = std::is_unsigned_v<Value>;
  Use(Kind::kFixed, type, &ParamColumn::Numbers<Array, Value>, sizeof(Value));
}

void ParamColumn::ChooseInteger(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      UseNumbers<arrow::BooleanArray, int8_t>(MYSQL_TYPE_TINY);
      break;
    case arrow::Type::INT8: UseNumbers<arrow::Int8Array, int32_t>(MYSQL_TYPE_LONG); break;
    case arrow::Type::INT16:
      UseNumbers<arrow::Int16Array, int32_t>(MYSQL_TYPE_LONG);
      break;
    case arrow::Type::INT32:
      UseNumbers<arrow::Int32Array, int32_t>(MYSQL_TYPE_LONG);
      break;
    case arrow::Type::UINT8:
      UseNumbers<arrow::UInt8Array, int32_t>(MYSQL_TYPE_LONG);
      break;
    case arrow::Type::UINT16:
      UseNumbers<arrow::UInt16Array, int32_t>(MYSQL_TYPE_LONG);
      break;
    case arrow::Type::UINT32:
      UseNumbers<arrow::UInt32Array, int64_t>(MYSQL_TYPE_LONGLONG);
      break;
    case arrow::Type::UINT64:
      UseNumbers<arrow::UInt64Array, uint64_t>(MYSQL_TYPE_LONGLONG);
      break;
    case arrow::Type::INT64:
      if (target_.data_type == "time") {
        Use(Kind::kTime, MYSQL_TYPE_TIME, &ParamColumn::Times<arrow::Int64Array>);
      } else {
        UseNumbers<arrow::Int64Array, int64_t>(MYSQL_TYPE_LONGLONG);
      }
      break;
    default: break;
  }
}

template <typename Array, typename Value>
void ParamColumn::UseFloat(enum_field_types type) {
  if (IsWhole(target_.data_type)) {
    Use(Kind::kText, MYSQL_TYPE_NEWDECIMAL, &ParamColumn::WholeNumbers<Array>);
  } else if (target_.data_type == "decimal") {
    Use(Kind::kText, MYSQL_TYPE_NEWDECIMAL, &ParamColumn::RoundedNumbers<Array>);
  } else {
    UseNumbers<Array, Value>(type);
  }
}

void ParamColumn::ChooseFraction(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::FLOAT: UseFloat<arrow::FloatArray, float>(MYSQL_TYPE_FLOAT); break;
    case arrow::Type::DOUBLE:
      UseFloat<arrow::DoubleArray, double>(MYSQL_TYPE_DOUBLE);
      break;
    case arrow::Type::DECIMAL128:
      scale_ = static_cast<const arrow::Decimal128Type&>(type).scale();
      // As a string it would be compared as a double, which has fewer digits.
      Use(Kind::kText, MYSQL_TYPE_NEWDECIMAL, &ParamColumn::Decimals);
      break;
    default: break;
  }
}

template <typename Array>
void ParamColumn::UseText() {
  Use(Kind::kText, MYSQL_TYPE_STRING,
      IsWhole(target_.data_type)      ? &ParamColumn::WholeTexts<Array>
      : IsTemporal(target_.data_type) ? &ParamColumn::TimeTexts<Array>
                                      : &ParamColumn::Texts<Array>);
}

void ParamColumn::ChooseBytes(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::STRING: UseText<arrow::StringArray>(); break;
    case arrow::Type::LARGE_STRING: UseText<arrow::LargeStringArray>(); break;
    case arrow::Type::BINARY:
      Use(Kind::kText, MYSQL_TYPE_BLOB, &ParamColumn::Texts<arrow::BinaryArray>);
      break;
    case arrow::Type::LARGE_BINARY:
      Use(Kind::kText, MYSQL_TYPE_BLOB, &ParamColumn::Texts<arrow::LargeBinaryArray>);
      break;
    case arrow::Type::FIXED_SIZE_BINARY:
      Use(Kind::kText, MYSQL_TYPE_BLOB, &ParamColumn::Texts<arrow::FixedSizeBinaryArray>);
      break;
    default: break;
  }
}

void ParamColumn::ChooseTemporal(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::DATE32:
      Use(Kind::kTime, MYSQL_TYPE_DATE, &ParamColumn::Dates<arrow::Date32Array>);
      break;
    case arrow::Type::TIMESTAMP:
      unit_ = MicrosOf(static_cast<const arrow::TimestampType&>(type).unit());
      Use(Kind::kTime, MYSQL_TYPE_DATETIME,
          &ParamColumn::DateTimes<arrow::TimestampArray>);
      break;
    case arrow::Type::TIME32:
      unit_ = MicrosOf(static_cast<const arrow::Time32Type&>(type).unit());
      Use(Kind::kTime, MYSQL_TYPE_TIME, &ParamColumn::Times<arrow::Time32Array>);
      break;
    case arrow::Type::TIME64:
      unit_ = MicrosOf(static_cast<const arrow::Time64Type&>(type).unit());
      Use(Kind::kTime, MYSQL_TYPE_TIME, &ParamColumn::Times<arrow::Time64Array>);
      break;
    default: break;
  }
}

void ParamColumn::Fill(const RowBatches& batches, Refs rows,
                       std::vector<RowFault>* faults) {
  faults_ = faults;
  Arrays arrays;
  std::vector<std::shared_ptr<arrow::Array>> held;
  for (const auto& batch : batches) {
    held.push_back(batch->column(source_));
    arrays.push_back(held.back().get());
  }
  indicators_.assign(rows.size(), STMT_INDICATOR_NONE);
  switch (kind_) {
    case Kind::kFixed: fixed_.resize(rows.size() * width_); break;
    case Kind::kTime:
      times_.assign(rows.size(), MYSQL_TIME{});
      pointers_.resize(rows.size());
      for (size_t i = 0; i < rows.size(); i++) pointers_[i] = &times_[i];
      break;
    case Kind::kText:
      pointers_.assign(rows.size(), "");
      lengths_.assign(rows.size(), 0);
      offsets_.assign(rows.size(), SIZE_MAX);
      arena_.clear();
      break;
  }
  (this->*converter_)(arrays, rows);
  if (arena_.empty()) return;
  for (size_t i = 0; i < offsets_.size(); i++) {
    if (offsets_[i] != SIZE_MAX) pointers_[i] = arena_.data() + offsets_[i];
  }
}

void ParamColumn::BindArray(MYSQL_BIND* to) {
  std::memset(to, 0, sizeof *to);
  to->buffer_type = type_;
  to->is_unsigned = is_unsigned_;
  to->u.indicator = indicators_.data();
  if (kind_ == Kind::kFixed) {
    to->buffer = fixed_.data();
  } else {
    to->buffer = pointers_.data();
    to->length = lengths_.data();
  }
}

void ParamColumn::BindRow(size_t row, MYSQL_BIND* to) {
  std::memset(to, 0, sizeof *to);
  to->buffer_type = type_;
  to->is_unsigned = is_unsigned_;
  to->is_null = indicators_.data() + row;  // STMT_INDICATOR_NULL is 1
  switch (kind_) {
    case Kind::kFixed: to->buffer = fixed_.data() + row * width_; break;
    case Kind::kTime: to->buffer = &times_[row]; break;
    case Kind::kText:
      to->buffer = const_cast<void*>(pointers_[row]);
      to->length = &lengths_[row];
      to->buffer_length = lengths_[row];
      break;
  }
}

template <typename Array, typename Put>
void ParamColumn::ForEach(const Arrays& from, Refs rows, Put put) {
  for (size_t i = 0; i < rows.size(); i++) {
    const auto& array = static_cast<const Array&>(*from[rows[i].batch]);
    if (array.IsNull(rows[i].row)) {
      indicators_[i] = STMT_INDICATOR_NULL;
    } else {
      put(i, array, rows[i].row);
    }
  }
}

void ParamColumn::PutText(size_t row, std::string_view text) {
  offsets_[row] = arena_.size();
  lengths_[row] = text.size();
  arena_ += text;
}

void ParamColumn::Fault(size_t row, std::string_view value, std::string_view why) {
  faults_->push_back(
      {row, fmt::format("column `{}`: value {} {}", target_.name, value, why)});
}

template <typename Array, typename Value>
void ParamColumn::Numbers(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const auto value = static_cast<Value>(array.Value(row));
    std::memcpy(fixed_.data() + i * sizeof value, &value, sizeof value);
  });
}

template <typename Array>
void ParamColumn::WholeNumbers(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const auto value = static_cast<double>(array.Value(row));
    if (std::isfinite(value) && value == std::trunc(value)) {
      PutText(i, fmt::format("{:.0f}", value));
    } else {
      Fault(i, fmt::format("{}", value), "is not a whole number");
    }
  });
}

// Binary fractions have no exact decimal form: the nearest one that the column has.
template <typename Array>
void ParamColumn::RoundedNumbers(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const auto value = static_cast<double>(array.Value(row));
    if (std::isfinite(value)) {
      PutText(i, fmt::format("{:.{}f}", value, target_.scale));
    } else {
      Fault(i, fmt::format("{}", value), "is not a number that a DECIMAL holds");
    }
  });
}

template <typename Array>
void ParamColumn::Texts(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const std::string_view text = array.GetView(row);
    if (!text.empty()) pointers_[i] = text.data();
    lengths_[i] = text.size();
  });
}

// What ISO 8601 writes and the servers do not read: T, Z, offsets.
template <typename Array>
void ParamColumn::TimeTexts(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const std::string_view text = array.GetView(row);
    const auto micros = ParseIsoTime(text);
    if (!micros) return PutText(i, text);  // the server says what is wrong with it
    if (*micros % grain_ != 0) {
      return Fault(i, text, fmt::format("is finer than {}", target_.column_type));
    }
    PutText(i, FormatDateTime(*micros));
  });
}

template <typename Array>
void ParamColumn::WholeTexts(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const std::string_view text = array.GetView(row);
    if (text.find_first_of(".eE") != text.npos) {
      return Fault(i, text, "is not a whole number");
    }
    if (!text.empty()) pointers_[i] = text.data();
    lengths_[i] = text.size();
  });
}

void ParamColumn::Decimals(const Arrays& from, Refs rows) {
  const bool whole = IsWhole(target_.data_type);
  ForEach<arrow::Decimal128Array>(
      from, rows, [&](size_t i, const arrow::Decimal128Array& array, int64_t row) {
        DecimalText text(array.GetValue(row), scale_);
        if (whole && !text.DropZeros()) {
          return Fault(i, text.view(), "is not a whole number");
        }
        PutText(i, text.view());
      });
}

template <typename Array>
void ParamColumn::Dates(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    PutDateTime(i, array.Value(row) * kDayMicros);
  });
}

template <typename Array>
void ParamColumn::DateTimes(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const int64_t value = array.Value(row);
    int64_t micros = 0;
    if (unit_ < 0 ? value % -unit_ != 0 : __builtin_mul_overflow(value, unit_, &micros)) {
      return Fault(i, fmt::format("{}", value),
                   unit_ < 0 ? "has nanoseconds" : "is no time that a column holds");
    }
    PutDateTime(i, unit_ < 0 ? value / -unit_ : micros);
  });
}

void ParamColumn::PutDateTime(size_t row, int64_t micros) {
  if (micros % grain_ != 0) {
    return Fault(row, FormatDateTime(micros),
                 fmt::format("is finer than {}", target_.column_type));
  }
  const auto parts = SplitMicros(micros);
  if (!parts) {
    return Fault(row, fmt::format("{} us since 1970", micros),
                 "is outside the years 0 to 9999");
  }
  MYSQL_TIME& time = times_[row];
  time.year = parts->year;
  time.month = parts->month;
  time.day = parts->day;
  time.hour = parts->hour;
  time.minute = parts->minute;
  time.second = parts->second;
  time.second_part = parts->micros;
  time.time_type =
      type_ == MYSQL_TYPE_DATE ? MYSQL_TIMESTAMP_DATE : MYSQL_TIMESTAMP_DATETIME;
}

template <typename Array>
void ParamColumn::Times(const Arrays& from, Refs rows) {
  ForEach<Array>(from, rows, [&](size_t i, const Array& array, int64_t row) {
    const int64_t value = array.Value(row);
    const int64_t micros = unit_ < 0 ? value / -unit_ : value * unit_;
    if ((unit_ < 0 && value % -unit_ != 0) || micros % grain_ != 0) {
      return Fault(i, fmt::format("{} us", micros),
                   fmt::format("is finer than {}", target_.column_type));
    }
    const uint64_t size =
        micros < 0 ? -static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
    MYSQL_TIME& time = times_[i];
    time.neg = micros < 0;
    time.second_part = size % kMicros;
    const uint64_t seconds = size / kMicros;
    time.second = static_cast<unsigned>(seconds % 60);
    time.minute = static_cast<unsigned>(seconds / 60 % 60);
    time.hour = static_cast<unsigned>(seconds / 3600 % 24);
    time.day = static_cast<unsigned>(std::min<uint64_t>(seconds / 86'400, 9999));
    time.time_type = MYSQL_TIMESTAMP_TIME;
  });
}

}  // namespace leat::mysql
