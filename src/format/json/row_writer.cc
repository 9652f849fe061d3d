#include "format/json/row_writer.h"

#include <arrow/api.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>

#include <cstring>

#include "format/json/decimal_text.h"
#include "format/json/text.h"

namespace leat::json {
namespace {

constexpr size_t kDecimalMost = 64;
constexpr size_t kGeometryMost = 128;  // names, x, y and srid

// What a byte of the value takes at most; 0 where the size does not depend on it.
size_t Scale(Form form, bool text) {
  switch (form) {
    case Form::kCompact:
    case Form::kString: return 6;
    case Form::kHex: return 2;
    case Form::kRaw:
    case Form::kBase64:
    case Form::kBase64Url:
    case Form::kBase64Reversed:
    case Form::kPoint:
    case Form::kGeometry: return 2;
    case Form::kFloats: return (kDoubleMost + 1) / 4 + 1;
    case Form::kDecimalBytes:
    case Form::kDecimalDouble: return text ? 2 : 0;
    default: return 0;
  }
}

// The rest: what it takes besides.
size_t Fixed(Form form) {
  switch (form) {
    case Form::kPoint:
    case Form::kGeometry: return kGeometryMost;
    case Form::kDecimal:
    case Form::kDecimalString:
    case Form::kDecimalBytes:
    case Form::kDecimalLong:
    case Form::kDecimalDouble: return kDecimalMost;
    default: return kTimestampMost;
  }
}

double LittleDouble(std::string_view bytes, size_t at) {
  double value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

char* WriteFloats(std::string_view bytes, char* out) {
  *out++ = '[';
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    if (i > 0) *out++ = ',';
    float value = 0;
    std::memcpy(&value, bytes.data() + i, sizeof(value));
    out = WriteFloat(value, out);
  }
  *out++ = ']';
  return out;
}

bool InDay(int64_t micros) { return micros >= 0 && micros < 86'400'000'000; }

// Blanks outside strings are left out.
std::string Compacted(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool inside = false;
  for (size_t i = 0; i < json.size(); i++) {
    const char c = json[i];
    if (inside && c == '\\' && i + 1 < json.size()) {
      out += c;
      out += json[++i];
      continue;
    }
    if (c == '"') inside = !inside;
    if (inside || c != ' ') out += c;
  }
  return out;
}

}  // namespace

Form PlainForm(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return Form::kBool;
    case arrow::Type::INT32:
    case arrow::Type::INT64: return Form::kInt;
    case arrow::Type::FLOAT: return Form::kFloat;
    case arrow::Type::DOUBLE: return Form::kDouble;
    case arrow::Type::DECIMAL128: return Form::kDecimal;
    case arrow::Type::STRING: return Form::kString;
    case arrow::Type::DATE32: return Form::kDate;
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty()
                 ? Form::kTimestamp
                 : Form::kTimestampZ;
    default: return Form::kBase64;
  }
}

RowWriter::RowWriter(std::vector<RowField> fields) {
  for (RowField& field : fields) {
    Cell cell;
    cell.prefix = (cells_.empty() ? "" : ",") + Quoted(field.name) + ":";
    cell.most = Fixed(field.form) + field.suffix.size();
    cell.field = std::move(field);
    fixed_ += cell.prefix.size() + cell.most;
    cells_.push_back(std::move(cell));
  }
}

void RowWriter::Bind(const arrow::RecordBatch& rows, const arrow::RecordBatch* meta) {
  variable_.clear();
  for (size_t i = 0; i < cells_.size(); i++) {
    Cell& cell = cells_[i];
    const arrow::ArrayData& column = *rows.column_data(cell.field.column);
    cell.first = column.offset;
    cell.valid = column.GetNullCount() > 0 ? column.buffers[0]->data() : nullptr;
    cell.offsets = nullptr;
    const arrow::Type::type type = column.type->id();
    const bool text = type == arrow::Type::STRING || type == arrow::Type::BINARY;
    const size_t values = text ? 2 : 1;
    cell.data = column.buffers[values] ? column.buffers[values]->data() : nullptr;
    if (text) {
      cell.offsets = column.GetValues<int32_t>(1);
    } else if (type != arrow::Type::BOOL) {
      cell.width = column.type->byte_width();
    }
    if (type == arrow::Type::DECIMAL128) {
      cell.decimal_scale =
          static_cast<const arrow::Decimal128Type&>(*column.type).scale();
    }
    const bool srid = meta && cell.field.srid >= 0;
    cell.srid = srid ? meta->column(cell.field.srid).get() : nullptr;
    cell.scale = text ? Scale(cell.field.form, text) : 0;
    if (cell.scale > 0) variable_.push_back(i);
  }
}

size_t RowWriter::Most(int64_t row) const {
  size_t most = fixed_;
  for (const size_t i : variable_) {
    const Cell& cell = cells_[i];
    most += static_cast<size_t>(cell.offsets[row + 1] - cell.offsets[row]) * cell.scale;
  }
  return most;
}

char* RowWriter::Write(int64_t row, char* out) const {
  *out++ = '{';
  for (const Cell& cell : cells_) {
    out = WriteText(cell.prefix, out);
    if (cell.valid && !arrow::bit_util::GetBit(cell.valid, cell.first + row)) {
      out = WriteText("null", out);
    } else {
      out = WriteValue(cell, row, out);
    }
  }
  *out++ = '}';
  return out;
}

char* RowWriter::WriteValue(const Cell& cell, int64_t row, char* out) {
  if (cell.offsets) {
    const int32_t start = cell.offsets[row];
    const auto size = static_cast<size_t>(cell.offsets[row + 1] - start);
    const auto* text = reinterpret_cast<const char*>(cell.data) + start;
    return WriteBytes(cell, row, {text, size}, out);
  }
  const int64_t at = cell.first + row;
  switch (cell.field.form) {
    case Form::kNull: return WriteText("null", out);
    case Form::kBool:
      return WriteText(arrow::bit_util::GetBit(cell.data, at) ? "true" : "false", out);
    case Form::kByteOfBool:
      return WriteText(arrow::bit_util::GetBit(cell.data, at) ? "\"AQ==\"" : "\"AA==\"",
                       out);
    case Form::kFloat: {
      float value = 0;
      std::memcpy(&value, cell.data + at * 4, sizeof(value));
      return WriteFloat(value, out);
    }
    case Form::kDouble: {
      double value = 0;
      std::memcpy(&value, cell.data + at * 8, sizeof(value));
      return WriteDouble(value, out);
    }
    case Form::kDecimal:
    case Form::kDecimalString:
    case Form::kDecimalDouble:
    case Form::kDecimalBytes:
    case Form::kDecimalLong: return WriteDecimal(cell, at, out);
    default: return WriteNumber(cell, at, out);
  }
}

char* RowWriter::WriteNumber(const Cell& cell, int64_t at, char* out) {
  int64_t value = 0;
  if (cell.width == 4) {
    int32_t narrow = 0;
    std::memcpy(&narrow, cell.data + at * 4, sizeof(narrow));
    value = narrow;
  } else {
    std::memcpy(&value, cell.data + at * 8, sizeof(value));
  }
  switch (cell.field.form) {
    case Form::kDivided: return WriteInt(FloorDiv(value, cell.field.arg), out);
    case Form::kTimes: {
      const auto product =
          static_cast<uint64_t>(value) * static_cast<uint64_t>(cell.field.arg);
      return WriteInt(static_cast<int64_t>(product), out);
    }
    case Form::kMillisOfDay:
      if (!InDay(value)) return WriteText("null", out);
      return WriteInt(value / 1000, out);
    case Form::kDate:
      *out++ = '"';
      out = WriteDate(value, out);
      break;
    case Form::kTimestamp:
    case Form::kTimestampZ: {
      *out++ = '"';
      const int64_t fraction = value - FloorDiv(value, 1'000'000) * 1'000'000;
      out = WriteTimestamp(value, FractionDigits(fraction), out);
      if (cell.field.form == Form::kTimestampZ) *out++ = 'Z';
      break;
    }
    case Form::kTimestampFixed:
      *out++ = '"';
      out = WriteTimestamp(value, static_cast<int>(cell.field.arg), out);
      *out++ = 'Z';
      break;
    case Form::kTimeOfDay:
      if (!InDay(value)) return WriteText("null", out);
      *out++ = '"';
      out = WriteTimeOfDay(value, FractionDigits(value), out);
      break;
    default: return WriteInt(value, out);
  }
  out = WriteText(cell.field.suffix, out);
  *out++ = '"';
  return out;
}

char* RowWriter::WriteDecimal(const Cell& cell, int64_t at, char* out) {
  const arrow::Decimal128 value(cell.data + at * 16);
  switch (cell.field.form) {
    case Form::kDecimal: return WriteDecimalText(value, cell.decimal_scale, out);
    case Form::kDecimalString:
      *out++ = '"';
      out = WriteDecimalText(value, cell.decimal_scale, out);
      *out++ = '"';
      return out;
    case Form::kDecimalDouble: return WriteDecimalDouble(value, cell.decimal_scale, out);
    case Form::kDecimalBytes: {
      *out++ = '"';
      out = WriteUnscaled(value, out);
      *out++ = '"';
      return out;
    }
    default: return WriteInt(static_cast<int64_t>(value.low_bits()), out);
  }
}

char* RowWriter::WriteBytes(const Cell& cell, int64_t row, std::string_view bytes,
                            char* out) {
  switch (cell.field.form) {
    case Form::kString: return WriteString(bytes, out);
    case Form::kRaw: return WriteText(bytes, out);
    case Form::kCompact: return WriteString(Compacted(bytes), out);
    case Form::kFloats: return WriteFloats(bytes, out);
    case Form::kDecimalDouble: return WriteDigitsAsDouble(bytes, out);
    case Form::kPoint:
    case Form::kGeometry: {
      *out++ = '{';
      // WKB of a point: byte order, type, x, y.
      if (cell.field.form == Form::kPoint && bytes.size() == 21) {
        out = WriteDouble(LittleDouble(bytes, 5), WriteText("\"x\":", out));
        out = WriteDouble(LittleDouble(bytes, 13), WriteText(",\"y\":", out));
        *out++ = ',';
      }
      out = WriteBase64(bytes, WriteText("\"wkb\":\"", out));
      out = WriteText("\",\"srid\":", out);
      if (cell.srid && cell.srid->IsValid(row)) {
        out = WriteInt(static_cast<const arrow::Int32Array*>(cell.srid)->Value(row), out);
      } else {
        out = WriteText("null", out);
      }
      *out++ = '}';
      return out;
    }
    default: break;
  }
  *out++ = '"';
  switch (cell.field.form) {
    case Form::kBase64Url: out = WriteBase64Url(bytes, out); break;
    case Form::kHex: out = WriteHex(bytes, out); break;
    case Form::kDecimalBytes: out = WriteUnscaledDigits(bytes, out); break;
    case Form::kBase64Reversed:
      out = WriteBase64(std::string(bytes.rbegin(), bytes.rend()), out);
      break;
    default: out = WriteBase64(bytes, out); break;
  }
  *out++ = '"';
  return out;
}

std::string RowText(const arrow::RecordBatch& rows, int64_t row) {
  std::vector<RowField> fields;
  for (int i = 0; i < rows.num_columns(); i++) {
    RowField& field = fields.emplace_back();
    field.name = rows.column_name(i);
    field.column = i;
    const arrow::DataType& type = *rows.column(i)->type();
    field.form = type.id() == arrow::Type::BINARY ? Form::kHex : PlainForm(type);
  }
  RowWriter writer(std::move(fields));
  writer.Bind(rows);
  std::string text(writer.Most(row), '\0');
  text.resize(static_cast<size_t>(writer.Write(row, text.data()) - text.data()));
  return text;
}

}  // namespace leat::json
