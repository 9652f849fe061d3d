#include "connectors/mysql/log/value_decoder.h"

#include "connectors/mysql/log/payload.h"
#include "connectors/mysql/values/json_binary.h"
#include "connectors/mysql/values/json_partial.h"
#include "connectors/mysql/values/native.h"

namespace leat::mysql {
namespace {

ValueField Fixed(FieldOp op, uint32_t width) { return {op, 0, 0, 0, width}; }
ValueField Sized(FieldOp op, uint32_t prefix) {
  return {op, static_cast<uint8_t>(prefix)};
}

uint32_t PrefixOf(uint32_t longest) { return longest > 255 ? 2 : 1; }

ValueField StringField(const ColumnDef& c, uint32_t prefix) {
  const bool binary = !c.charset || c.charset->binary();
  ValueField field = Sized(binary ? FieldOp::kBytes : FieldOp::kText, prefix);
  field.charset = binary ? Charset::Binary() : c.charset;
  if (c.native != Native::kNone) {
    field.op = FieldOp::kNative;
  } else if (binary && c.type == Type::kString) {
    field.op = FieldOp::kFixedBytes;
  }
  if (c.type == Type::kCompressedBlob || c.type == Type::kCompressedVarchar) {
    field.op = binary ? FieldOp::kCompressedBytes : FieldOp::kCompressedText;
  }
  return field;
}

ValueField TemporalField(const ColumnDef& c) {
  const auto fraction = static_cast<uint32_t>(FractionBytes(c.scale));
  switch (c.type) {
    case Type::kDate:
    case Type::kNewDate: return Fixed(FieldOp::kDate, 3);
    case Type::kTime: return Fixed(FieldOp::kOldTime, 3);
    case Type::kDatetime: return Fixed(FieldOp::kOldDatetime, 8);
    case Type::kTimestamp: return Fixed(FieldOp::kOldTimestamp, 4);
    case Type::kTime2: return Fixed(FieldOp::kTime, 3 + fraction);
    case Type::kDatetime2: return Fixed(FieldOp::kDatetime, 5 + fraction);
    default: return Fixed(FieldOp::kTimestamp, 4 + fraction);
  }
}

ValueField FieldOf(const ColumnDef& c) {
  const bool u = c.is_unsigned;
  switch (c.type) {
    case Type::kTiny: return Fixed(u ? FieldOp::kUint8 : FieldOp::kInt8, 1);
    case Type::kShort: return Fixed(u ? FieldOp::kUint16 : FieldOp::kInt16, 2);
    case Type::kInt24: return Fixed(u ? FieldOp::kUint24 : FieldOp::kInt24, 3);
    case Type::kLong: return Fixed(u ? FieldOp::kUint32 : FieldOp::kInt32, 4);
    case Type::kLongLong: return Fixed(u ? FieldOp::kUint64 : FieldOp::kInt64, 8);
    case Type::kFloat: return Fixed(FieldOp::kFloat, 4);
    case Type::kDouble: return Fixed(FieldOp::kDouble, 8);
    case Type::kYear: return Fixed(FieldOp::kYear, 1);
    case Type::kDecimal:
      return Fixed(c.precision > 38 ? FieldOp::kDecimalText : FieldOp::kDecimal,
                   static_cast<uint32_t>(DecimalBytes(c.precision, c.scale)));
    case Type::kBit:
      return Fixed(c.length == 1 ? FieldOp::kBool : FieldOp::kBytes, (c.length + 7) / 8);
    case Type::kEnum: return Fixed(FieldOp::kEnum, c.length);
    case Type::kSet: return Fixed(FieldOp::kSet, c.length);
    case Type::kString:
    case Type::kVarchar:
    case Type::kVarString: return StringField(c, PrefixOf(c.length));
    case Type::kCompressedVarchar: return StringField(c, PrefixOf(c.length + 1));
    case Type::kBlob:
    case Type::kCompressedBlob: return StringField(c, c.length);
    case Type::kVector: return Sized(FieldOp::kBytes, c.length);
    case Type::kJson: return Sized(FieldOp::kJson, c.length);
    case Type::kGeometry: return Sized(FieldOp::kGeometry, c.length);
    default: return TemporalField(c);
  }
}

}  // namespace

ValueDecoder::ValueDecoder(const TableDef& table, const ValueOptions& options)
    : writer_(table, options) {
  for (const ColumnDef& column : table.columns) {
    fields_.push_back(FieldOf(column));
    fields_.back().precision = column.precision;
    fields_.back().scale = column.scale;
    if (fields_.back().op == FieldOp::kDecimal) {
      fields_.back().decimal = DecimalReader(column.precision, column.scale);
    }
  }
}

void ValueDecoder::Put(const ValueField& f, const uint8_t* p, size_t size,
                       ColumnBuilder* to, int64_t row, int column) {
  const auto* chars = reinterpret_cast<const char*>(p);
  switch (f.op) {
    case FieldOp::kInt8: to->Put<int32_t>(row, static_cast<int8_t>(p[0])); break;
    case FieldOp::kUint8: to->Put<int32_t>(row, p[0]); break;
    case FieldOp::kInt16: to->Put<int32_t>(row, LoadAs<int16_t>(p)); break;
    case FieldOp::kUint16: to->Put<int32_t>(row, LoadAs<uint16_t>(p)); break;
    case FieldOp::kInt24:
      to->Put<int32_t>(row, static_cast<int32_t>(Little24(p) << 8) >> 8);
      break;
    case FieldOp::kUint24:
      to->Put<int32_t>(row, static_cast<int32_t>(Little24(p)));
      break;
    case FieldOp::kInt32: to->Put<int32_t>(row, LoadAs<int32_t>(p)); break;
    case FieldOp::kUint32: to->Put<int64_t>(row, LoadAs<uint32_t>(p)); break;
    case FieldOp::kInt64: to->Put<int64_t>(row, LoadAs<int64_t>(p)); break;
    case FieldOp::kUint64: to->Put<Int128>(row, LoadAs<uint64_t>(p)); break;
    case FieldOp::kFloat: to->Put<float>(row, LoadAs<float>(p)); break;
    case FieldOp::kDouble: to->Put<double>(row, LoadAs<double>(p)); break;
    case FieldOp::kYear: to->Put<int32_t>(row, p[0] ? 1900 + p[0] : 0); break;
    case FieldOp::kBool: to->PutBit(row, p[0] & 1); break;
    case FieldOp::kText: writer_.Text(to, row, column, *f.charset, chars, size); break;
    case FieldOp::kBytes: writer_.Bytes(to, row, column, chars, size); break;
    case FieldOp::kDatetime: {
      DateTime t = UnpackDateTime(BigEndian(p, 5) - 0x8000000000);
      t.micros = Fraction(p + 5, f.scale);
      writer_.DateAndTime(to, row, column, t);
      break;
    }
    case FieldOp::kTimestamp:
      writer_.Instant(to, row, column, static_cast<int64_t>(BigEndian(p, 4)),
                      Fraction(p + 4, f.scale));
      break;
    case FieldOp::kDate: {
      const uint32_t packed = Little24(p);
      writer_.Date(to, row, column, packed >> 9, packed >> 5 & 15, packed & 31);
      break;
    }
    case FieldOp::kDecimal: {
      Int128 value = 0;
      if (f.decimal.Read(p, &value)) [[likely]] {
        to->Put<Int128>(row, value);
      } else {
        writer_.Fault(to, row, column, {chars, size}, "is no decimal");
      }
      break;
    }
    default: PutRare(f, p, size, to, row, column);
  }
}

void ValueDecoder::PutRare(const ValueField& f, const uint8_t* p, size_t size,
                           ColumnBuilder* to, int64_t row, int column) {
  const std::string_view bytes(reinterpret_cast<const char*>(p), size);
  switch (f.op) {
    case FieldOp::kDecimalText:
      text_.clear();
      if (AppendDecimalText(p, f.precision, f.scale, &text_)) {
        writer_.Bytes(to, row, column, text_.data(), text_.size());
      } else {
        writer_.Fault(to, row, column, bytes, "is no decimal");
      }
      break;
    case FieldOp::kTime: to->Put<int64_t>(row, ReadTime(p, f.scale)); break;
    case FieldOp::kOldTime: {
      const int32_t packed = static_cast<int32_t>(Little24(p) << 8) >> 8;
      const int32_t n = packed < 0 ? -packed : packed;
      const int64_t seconds = (n / 10'000 * 60 + n / 100 % 100) * 60 + n % 100;
      to->Put<int64_t>(row, (packed < 0 ? -seconds : seconds) * kMicros);
      break;
    }
    case FieldOp::kOldDatetime: {
      const auto n = LoadAs<uint64_t>(p);
      const auto date = static_cast<uint32_t>(n / 1'000'000 % 100'000'000);
      const auto time = static_cast<uint32_t>(n % 1'000'000);
      writer_.DateAndTime(to, row, column,
                          {date / 10'000, date / 100 % 100, date % 100, time / 10'000,
                           time / 100 % 100, time % 100, 0});
      break;
    }
    case FieldOp::kOldTimestamp:
      writer_.Instant(to, row, column, LoadAs<uint32_t>(p), 0);
      break;
    case FieldOp::kEnum:
      writer_.Enum(to, row, column, size == 1 ? p[0] : LoadAs<uint16_t>(p));
      break;
    case FieldOp::kSet: {
      uint64_t bits = 0;
      std::memcpy(&bits, p, size);
      writer_.Set(to, row, column, bits);
      break;
    }
    case FieldOp::kFixedBytes: writer_.Padded(to, row, column, bytes.data(), size); break;
    case FieldOp::kNative:
      text_ = NativeText(writer_.def(column).native, bytes);
      writer_.Bytes(to, row, column, text_.data(), text_.size());
      break;
    case FieldOp::kGeometry: writer_.Geometry(to, row, column, bytes.data(), size); break;
    case FieldOp::kJson:
      text_.clear();
      PutJson(AppendJsonText(bytes, &text_), to, row, column);
      break;
    default: PutCompressed(f, bytes, to, row, column);
  }
}

void ValueDecoder::PutJson(bool ok, ColumnBuilder* to, int64_t row, int column) {
  if (ok && IsUtf8(text_.data(), text_.size())) {
    writer_.Bytes(to, row, column, text_.data(), text_.size());
  } else {
    writer_.Fault(to, row, column, {}, "is no JSON that MySQL writes");
  }
}

void ValueDecoder::PutCompressed(const ValueField& f, std::string_view bytes,
                                 ColumnBuilder* to, int64_t row, int column) {
  if (!Uncompress(bytes, INT32_MAX, &text_)) {
    writer_.Fault(to, row, column, bytes, "cannot be uncompressed");
  } else if (f.op == FieldOp::kCompressedText) {
    writer_.Text(to, row, column, *f.charset, text_.data(), text_.size());
  } else {
    writer_.Bytes(to, row, column, text_.data(), text_.size());
  }
}

void ValueDecoder::PutPatched(std::optional<std::string_view> before,
                              std::string_view diffs, ColumnBuilder* to, int64_t row,
                              int column) {
  text_.clear();
  PutJson(before && AppendPatchedJson(*before, diffs, &text_), to, row, column);
}

}  // namespace leat::mysql
