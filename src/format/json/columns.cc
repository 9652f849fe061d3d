#include "format/json/columns.h"

#include <arrow/util/utf8.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <new>
#include <utility>

#include "base/text.h"
#include "format/json/decimal_text.h"
#include "format/json/parse.h"
#include "format/json/text.h"

namespace leat::json {
namespace {

using Kind = Value::Kind;

// Of numbers that no text told: those of other formats.
std::string NumberText(const Value& value) {
  return value.kind == Kind::kReal ? fmt::format("{}", value.real)
                                   : std::to_string(value.integer);
}

std::string Shown(const Value& value) {
  constexpr size_t kMost = 60;
  switch (value.kind) {
    case Kind::kNull: return "null";
    case Kind::kBool: return value.boolean ? "true" : "false";
    case Kind::kMicros: return fmt::format("{} microseconds", value.integer);
    case Kind::kBytes: return "0x" + Hex(value.text.substr(0, kMost / 2));
    case Kind::kDecimal: return UnscaledDigits(value.text.substr(0, kMost), 0);
    default: break;
  }
  if (value.text.empty() && value.kind == Kind::kInt) return NumberText(value);
  std::string text(value.text.substr(0, kMost));
  if (text.size() < value.text.size()) text += "...";
  return value.kind == Kind::kString ? "\"" + text + "\"" : text;
}

std::string_view TypeText(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "a boolean";
    case arrow::Type::INT32: return "an int";
    case arrow::Type::INT64: return "a bigint";
    case arrow::Type::FLOAT: return "a number of 32 bits";
    case arrow::Type::DOUBLE: return "a number of 64 bits";
    case arrow::Type::DECIMAL128: return "a decimal of its digits";
    case arrow::Type::DATE32: return "a date";
    case arrow::Type::TIMESTAMP: return "a timestamp";
    case arrow::Type::BINARY: return "base64";
    default: return "text";
  }
}

std::optional<int64_t> WholeOf(const Value& value) {
  switch (value.kind) {
    case Kind::kInt: return value.integer;
    case Kind::kReal:
      // 1.0 and 1e3 are whole; 2^63 is the first double that does not fit.
      if (std::trunc(value.real) == value.real && std::abs(value.real) < 9.2e18) {
        return static_cast<int64_t>(value.real);
      }
      return std::nullopt;
    case Kind::kString: return ParseInt(value.text);
    case Kind::kMicros: return value.integer;
    case Kind::kDecimal: {
      const auto whole = ReadUnscaled(value.text);
      const bool fits =
          whole && value.integer == 0 &&
          whole->high_bits() == static_cast<int64_t>(whole->low_bits()) >> 63;
      return fits ? std::optional(static_cast<int64_t>(whole->low_bits())) : std::nullopt;
    }
    default: return std::nullopt;
  }
}

std::optional<double> RealOf(const Value& value) {
  switch (value.kind) {
    case Kind::kInt: return static_cast<double>(value.integer);
    case Kind::kUint: return static_cast<double>(value.natural);
    case Kind::kReal:
      if (std::isinf(value.real)) return std::nullopt;  // more than a double holds
      return value.real;
    case Kind::kString:
      if (value.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
      if (value.text == "Infinity") return std::numeric_limits<double>::infinity();
      if (value.text == "-Infinity") return -std::numeric_limits<double>::infinity();
      return ParseDouble(value.text);
    case Kind::kDecimal:
      return ParseDouble(UnscaledDigits(value.text, static_cast<int32_t>(value.integer)));
    default: return std::nullopt;
  }
}

std::optional<arrow::Decimal128> DecimalOf(const arrow::Decimal128Type& type,
                                           const Value& value) {
  const int32_t precision = type.precision();
  const int32_t scale = type.scale();
  switch (value.kind) {
    case Kind::kDecimal: {
      const auto whole = ReadUnscaled(value.text);
      if (whole && value.integer == scale && whole->FitsInPrecision(precision)) {
        return whole;
      }
      return ParseDecimal(UnscaledDigits(value.text, static_cast<int32_t>(value.integer)),
                          precision, scale);
    }
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kReal:
    case Kind::kString:
      return ParseDecimal(value.text.empty() ? NumberText(value) : value.text, precision,
                          scale);
    default: return std::nullopt;
  }
}

// False for bytes that are no text.
bool TextOf(const Value& value, std::string_view* text, std::string* memory) {
  *text = value.text;
  switch (value.kind) {
    case Kind::kBool: *text = value.boolean ? "true" : "false"; return true;
    case Kind::kBytes:
      arrow::util::InitializeUTF8();
      return arrow::util::ValidateUTF8(
          reinterpret_cast<const uint8_t*>(value.text.data()),
          static_cast<int64_t>(value.text.size()));
    case Kind::kDecimal:
      *memory = UnscaledDigits(value.text, static_cast<int32_t>(value.integer));
      break;
    case Kind::kMicros:
    case Kind::kInt:
    case Kind::kReal:
      if (!value.text.empty()) return true;
      *memory = NumberText(value);
      break;
    default: return true;
  }
  *text = *memory;
  return true;
}

bool FitsFloat(double real) {
  return !std::isfinite(real) || std::isfinite(static_cast<float>(real));
}

std::optional<int64_t> TimestampOf(const Value& value) {
  if (value.kind == Kind::kMicros) return value.integer;
  if (value.kind == Kind::kString) return ParseTimestamp(value.text);
  const auto millis = WholeOf(value);
  constexpr int64_t kMost = INT64_MAX / 1000;
  if (!millis || *millis > kMost || *millis < -kMost) return std::nullopt;
  return *millis * 1000;
}

int64_t FloorDays(int64_t micros) {
  constexpr int64_t kDay = 86'400'000'000;
  return micros / kDay - (micros % kDay < 0 ? 1 : 0);
}

std::optional<int64_t> IntegerOf(const arrow::DataType& type, const Value& value) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      if (value.kind == Kind::kBool) return value.boolean ? 1 : 0;
      if (value.kind == Kind::kInt && (value.integer == 0 || value.integer == 1)) {
        return value.integer;
      }
      if (value.kind != Kind::kString) return std::nullopt;
      if (value.text == "true" || value.text == "1") return 1;
      if (value.text == "false" || value.text == "0") return 0;
      return std::nullopt;
    case arrow::Type::INT32: {
      const auto whole = WholeOf(value);
      return whole && *whole == static_cast<int32_t>(*whole) ? whole : std::nullopt;
    }
    case arrow::Type::DATE32: {
      if (value.kind == Kind::kString) return ParseDate(value.text);
      auto days = WholeOf(value);
      if (value.kind == Kind::kMicros) days = FloorDays(value.integer);
      return days && *days == static_cast<int32_t>(*days) ? days : std::nullopt;
    }
    case arrow::Type::TIMESTAMP: return TimestampOf(value);
    default: break;
  }
  // A bigint; also what `time` is kept in.
  const auto whole = WholeOf(value);
  return whole || value.kind != Kind::kString ? whole : ParseTime(value.text);
}

}  // namespace

Columns::Columns(SchemaRef schema)
    : schema_(std::move(schema)), slots_(schema_->columns.size()) {
  for (const Column& column : schema_->columns) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    // Fails for types that no Column has only.
    const auto status =
        arrow::MakeBuilder(arrow::default_memory_pool(), column.type, &builder);
    if (!status.ok()) std::abort();
    builders_.push_back(std::move(builder));
  }
}

Status Columns::Set(size_t column, const Value& value) {
  Slot& slot = slots_[column];
  slot.set = true;
  slot.null = value.kind == Kind::kNull;
  if (slot.null) return Status::Ok();
  return Convert(schema_->columns[column], value, &slot);
}

Status Columns::Convert(const Column& column, const Value& value, Slot* slot) const {
  const arrow::DataType& type = *column.type;
  bool fits = true;
  switch (type.id()) {
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: {
      const auto real = RealOf(value);
      fits = real.has_value() && (type.id() == arrow::Type::DOUBLE || FitsFloat(*real));
      if (fits) slot->real = *real;
      break;
    }
    case arrow::Type::DECIMAL128: {
      const auto made = DecimalOf(static_cast<const arrow::Decimal128Type&>(type), value);
      fits = made.has_value();
      if (fits) slot->decimal = *made;
      break;
    }
    case arrow::Type::STRING: fits = TextOf(value, &slot->text, &slot->memory); break;
    case arrow::Type::BINARY: {
      slot->text = value.text;
      if (value.kind == Kind::kBytes) break;
      auto bytes = value.kind == Kind::kString ? ParseBase64(value.text) : std::nullopt;
      fits = bytes.has_value();
      if (fits) slot->memory = *std::move(bytes);
      slot->text = slot->memory;
      break;
    }
    default: {
      const auto integer = IntegerOf(type, value);
      fits = integer.has_value();
      if (fits) slot->integer = *integer;
      break;
    }
  }
  if (fits) return Status::Ok();
  return Status::Data(fmt::format("column `{}`: {} is not {}", column.name, Shown(value),
                                  TypeText(type)));
}

Status Columns::Check(bool partly) const {
  for (size_t i = 0; i < slots_.size(); i++) {
    const Column& column = schema_->columns[i];
    if (!slots_[i].null || column.nullable || (partly && !slots_[i].set)) continue;
    return Status::Data(fmt::format("column `{}` {}, and must not be null", column.name,
                                    slots_[i].set ? "is null" : "is missing"));
  }
  return Status::Ok();
}

Status Columns::Add(bool partly) {
  const Status status = Check(partly);
  if (status.ok()) {
    for (size_t i = 0; i < slots_.size(); i++) Append(i, slots_[i]);
    rows_++;
  }
  Drop();
  return status;
}

void Columns::Drop() {
  for (Slot& slot : slots_) {
    slot.set = false;
    slot.null = true;
  }
}

// Only memory that runs out could fail here, and Arrow's pool ends the program then.
void Columns::Append(size_t column, const Slot& slot) {
  arrow::ArrayBuilder* builder = builders_[column].get();
  arrow::Status status;
  if (slot.null) {
    status = schema_->columns[column].nullable ? builder->AppendNull()
                                               : builder->AppendEmptyValue();
  } else {
    switch (builder->type()->id()) {
      case arrow::Type::BOOL:
        status = static_cast<arrow::BooleanBuilder*>(builder)->Append(slot.integer != 0);
        break;
      case arrow::Type::INT32:
        status = static_cast<arrow::Int32Builder*>(builder)->Append(
            static_cast<int32_t>(slot.integer));
        break;
      case arrow::Type::DATE32:
        status = static_cast<arrow::Date32Builder*>(builder)->Append(
            static_cast<int32_t>(slot.integer));
        break;
      case arrow::Type::INT64:
        status = static_cast<arrow::Int64Builder*>(builder)->Append(slot.integer);
        break;
      case arrow::Type::TIMESTAMP:
        status = static_cast<arrow::TimestampBuilder*>(builder)->Append(slot.integer);
        break;
      case arrow::Type::FLOAT:
        status = static_cast<arrow::FloatBuilder*>(builder)->Append(
            static_cast<float>(slot.real));
        break;
      case arrow::Type::DOUBLE:
        status = static_cast<arrow::DoubleBuilder*>(builder)->Append(slot.real);
        break;
      case arrow::Type::DECIMAL128:
        status = static_cast<arrow::Decimal128Builder*>(builder)->Append(slot.decimal);
        break;
      default:
        status = static_cast<arrow::BinaryBuilder*>(builder)->Append(slot.text);
        break;
    }
  }
  if (!status.ok()) throw std::bad_alloc();
}

Result<std::shared_ptr<arrow::RecordBatch>> Columns::Finish() {
  arrow::ArrayVector arrays;
  for (const auto& builder : builders_) {
    auto array = builder->Finish();
    if (!array.ok()) {
      return Status::Transient("building a batch: " + array.status().ToString());
    }
    arrays.push_back(*std::move(array));
  }
  const int64_t rows = std::exchange(rows_, 0);
  return arrow::RecordBatch::Make(schema_->arrow, rows, std::move(arrays));
}

}  // namespace leat::json
