#include "format/json/columns.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <new>
#include <utility>

#include "format/json/parse.h"

namespace leat::json {
namespace {

using Kind = Value::Kind;

std::string Shown(const Value& value) {
  constexpr size_t kMost = 60;
  switch (value.kind) {
    case Kind::kNull: return "null";
    case Kind::kBool: return value.boolean ? "true" : "false";
    default: break;
  }
  std::string text(value.text.substr(0, kMost));
  if (text.size() < value.text.size()) text += "...";
  return value.kind == Kind::kString ? "\"" + text + "\"" : text;
}

std::string_view TypeText(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "a boolean";
    case arrow::Type::INT32: return "an int";
    case arrow::Type::INT64: return "a bigint";
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: return "a number";
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
    default: return std::nullopt;
  }
}

std::optional<double> RealOf(const Value& value) {
  switch (value.kind) {
    case Kind::kInt: return static_cast<double>(value.integer);
    case Kind::kUint: return static_cast<double>(value.natural);
    case Kind::kReal: return value.real;
    case Kind::kString:
      if (value.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
      if (value.text == "Infinity") return std::numeric_limits<double>::infinity();
      if (value.text == "-Infinity") return -std::numeric_limits<double>::infinity();
      return ParseDouble(value.text);
    default: return std::nullopt;
  }
}

std::optional<int64_t> MicrosOf(const Value& value) {
  if (value.kind == Kind::kString) return ParseTimestamp(value.text);
  const auto millis = WholeOf(value);
  if (!millis || std::abs(*millis) > INT64_MAX / 1000) return std::nullopt;
  return *millis * 1000;
}

std::optional<int64_t> IntegerOf(const arrow::DataType& type, const Value& value) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      if (value.kind == Kind::kBool) return value.boolean ? 1 : 0;
      if (value.kind == Kind::kInt && (value.integer == 0 || value.integer == 1)) {
        return value.integer;
      }
      return std::nullopt;
    case arrow::Type::INT32: {
      const auto whole = WholeOf(value);
      return whole && *whole == static_cast<int32_t>(*whole) ? whole : std::nullopt;
    }
    case arrow::Type::DATE32: {
      if (value.kind == Kind::kString) return ParseDate(value.text);
      const auto days = WholeOf(value);
      return days && *days == static_cast<int32_t>(*days) ? days : std::nullopt;
    }
    case arrow::Type::TIMESTAMP: return MicrosOf(value);
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
      fits = real.has_value();
      if (fits) slot->real = *real;
      break;
    }
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      const bool number = value.kind != Kind::kBool && value.kind != Kind::kNested;
      const auto made =
          number ? ParseDecimal(value.text, decimal.precision(), decimal.scale())
                 : std::nullopt;
      fits = made.has_value();
      if (fits) slot->decimal = *made;
      break;
    }
    case arrow::Type::STRING:
      slot->text = value.text;
      if (value.kind == Kind::kBool) slot->text = value.boolean ? "true" : "false";
      break;
    case arrow::Type::BINARY: {
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

Status Columns::Add(bool partly) {
  for (size_t i = 0; i < slots_.size(); i++) {
    const Column& column = schema_->columns[i];
    if (!slots_[i].null || column.nullable || (partly && !slots_[i].set)) continue;
    const Status status =
        Status::Data(fmt::format("column `{}` {}, and must not be null", column.name,
                                 slots_[i].set ? "is null" : "is missing"));
    Drop();
    return status;
  }
  for (size_t i = 0; i < slots_.size(); i++) Append(i, slots_[i]);
  Drop();
  rows_++;
  return Status::Ok();
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
