#include "connectors/mysql/log/row_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "connectors/mysql/values/json_binary.h"
#include "connectors/mysql/values/json_partial.h"
#include "connectors/mysql/values/native.h"
#include "connectors/mysql/values/value_writer.h"

namespace leat::mysql {
namespace {

// How a value's bytes become a value; made of the column's type once.
enum class Op : uint8_t {
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

struct Field {
  Op op;
  uint8_t prefix = 0;  // bytes of the length in front; 0: `width` bytes without one
  uint8_t precision = 0;
  uint8_t scale = 0;
  uint32_t width = 0;
  const Charset* charset = nullptr;
  DecimalReader decimal = {};
};

Field Fixed(Op op, uint32_t width) { return {op, 0, 0, 0, width}; }
Field Sized(Op op, uint32_t prefix) { return {op, static_cast<uint8_t>(prefix)}; }

uint32_t PrefixOf(uint32_t longest) { return longest > 255 ? 2 : 1; }

Field StringField(const ColumnDef& c, uint32_t prefix) {
  const bool binary = !c.charset || c.charset->binary();
  Field field = Sized(binary ? Op::kBytes : Op::kText, prefix);
  field.charset = binary ? Charset::Binary() : c.charset;
  if (c.native != Native::kNone) {
    field.op = Op::kNative;
  } else if (binary && c.type == Type::kString) {
    field.op = Op::kFixedBytes;
  }
  if (c.type == Type::kCompressedBlob || c.type == Type::kCompressedVarchar) {
    field.op = binary ? Op::kCompressedBytes : Op::kCompressedText;
  }
  return field;
}

Field TemporalField(const ColumnDef& c) {
  const auto fraction = static_cast<uint32_t>(FractionBytes(c.scale));
  switch (c.type) {
    case Type::kDate:
    case Type::kNewDate: return Fixed(Op::kDate, 3);
    case Type::kTime: return Fixed(Op::kOldTime, 3);
    case Type::kDatetime: return Fixed(Op::kOldDatetime, 8);
    case Type::kTimestamp: return Fixed(Op::kOldTimestamp, 4);
    case Type::kTime2: return Fixed(Op::kTime, 3 + fraction);
    case Type::kDatetime2: return Fixed(Op::kDatetime, 5 + fraction);
    default: return Fixed(Op::kTimestamp, 4 + fraction);
  }
}

Field FieldOf(const ColumnDef& c) {
  const bool u = c.is_unsigned;
  switch (c.type) {
    case Type::kTiny: return Fixed(u ? Op::kUint8 : Op::kInt8, 1);
    case Type::kShort: return Fixed(u ? Op::kUint16 : Op::kInt16, 2);
    case Type::kInt24: return Fixed(u ? Op::kUint24 : Op::kInt24, 3);
    case Type::kLong: return Fixed(u ? Op::kUint32 : Op::kInt32, 4);
    case Type::kLongLong: return Fixed(u ? Op::kUint64 : Op::kInt64, 8);
    case Type::kFloat: return Fixed(Op::kFloat, 4);
    case Type::kDouble: return Fixed(Op::kDouble, 8);
    case Type::kYear: return Fixed(Op::kYear, 1);
    case Type::kDecimal:
      return Fixed(c.precision > 38 ? Op::kDecimalText : Op::kDecimal,
                   static_cast<uint32_t>(DecimalBytes(c.precision, c.scale)));
    case Type::kBit:
      return Fixed(c.length == 1 ? Op::kBool : Op::kBytes, (c.length + 7) / 8);
    case Type::kEnum: return Fixed(Op::kEnum, c.length);
    case Type::kSet: return Fixed(Op::kSet, c.length);
    case Type::kString:
    case Type::kVarchar:
    case Type::kVarString: return StringField(c, PrefixOf(c.length));
    case Type::kCompressedVarchar: return StringField(c, PrefixOf(c.length + 1));
    case Type::kBlob:
    case Type::kCompressedBlob: return StringField(c, c.length);
    case Type::kVector: return Sized(Op::kBytes, c.length);
    case Type::kJson: return Sized(Op::kJson, c.length);
    case Type::kGeometry: return Sized(Op::kGeometry, c.length);
    default: return TemporalField(c);
  }
}

uint32_t Little24(const uint8_t* p) {
  return static_cast<uint32_t>(p[0] | p[1] << 8 | p[2] << 16);
}

template <typename T>
T Load(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

bool HasBit(const uint8_t* bits, size_t i) { return bits[i >> 3] >> (i & 7) & 1; }

// The first column whose bit is not set; -1: none.
int FirstLacking(std::string_view bitmap, uint64_t columns) {
  const auto* bits = reinterpret_cast<const uint8_t*>(bitmap.data());
  for (uint64_t i = 0; i < columns; i++) {
    if (!HasBit(bits, i)) return static_cast<int>(i);
  }
  return -1;
}

Status Malformed(const TableDef& table) {
  return Status::Transient(
      fmt::format("binlog: a row of {} does not fit its table map", table.id.ToString()));
}

}  // namespace

class RowDecoder::Impl {
 public:
  Impl(const TableDef& table, const ValueOptions& options) : writer_(table, options) {
    for (const ColumnDef& column : table.columns) {
      fields_.push_back(FieldOf(column));
      fields_.back().precision = column.precision;
      fields_.back().scale = column.scale;
      if (fields_.back().op == Op::kDecimal) {
        fields_.back().decimal = DecimalReader(column.precision, column.scale);
      }
      if (column.type == Type::kJson) json_columns_++;
    }
  }

  const TableDef& table() const { return writer_.table(); }
  ValueWriter& writer() { return writer_; }

  // Into the started row of `out`. False: malformed.
  bool ReadImage(ByteReader* in, TableBuilder* out);
  bool SkipImage(ByteReader* in);
  // An update's two images. With `partial` JSON columns of the second may be differences;
  // with an `after` bitmap it has those columns alone.
  bool ReadUpdate(ByteReader* in, bool partial, TableBuilder* before,
                  TableBuilder* after);
  void SetAfter(std::string_view bitmap) { after_ = bitmap; }
  bool sparse() const { return !after_.empty(); }

  // The dead letter of the image at `in`, whose faults the writer has.
  DeadLetter Reject(ByteReader in, const SchemaRef& schema);

 private:
  // The bytes of a value; nullptr: malformed. A length that is cut off reads as zero: the
  // caller asks in->failed() once behind the last value.
  static const uint8_t* Take(ByteReader* in, const Field& field, size_t* size) {
    *size = field.width;
    switch (field.prefix) {
      case 0: break;
      case 1: *size = in->U8(); break;
      case 2: *size = in->U16(); break;
      default: *size = in->Little(field.prefix);
    }
    return in->Take(*size);
  }

  // The values of a before image, NULL ones without data.
  using Values = std::vector<std::optional<std::string_view>>;
  bool FindValues(ByteReader in, Values* values);
  bool ReadPartialImage(ByteReader* in, const Values& before, TableBuilder* out);
  bool ReadSparseImage(ByteReader* in, const Values& before, TableBuilder* out);

  void Put(const Field& f, const uint8_t* p, size_t size, ColumnBuilder* to, int64_t row,
           int column);
  void PutRare(const Field& f, const uint8_t* p, size_t size, ColumnBuilder* to,
               int64_t row, int column);
  void PutJson(bool ok, ColumnBuilder* to, int64_t row, int column);
  void PutCompressed(const Field& f, std::string_view bytes, ColumnBuilder* to,
                     int64_t row, int column);

  ValueWriter writer_;
  std::vector<Field> fields_;
  size_t json_columns_ = 0;
  std::string after_;  // which columns after images have; empty: all
  Values values_;
  std::string text_;  // of the value at hand
};

void RowDecoder::Impl::Put(const Field& f, const uint8_t* p, size_t size,
                           ColumnBuilder* to, int64_t row, int column) {
  const auto* chars = reinterpret_cast<const char*>(p);
  switch (f.op) {
    case Op::kInt8: to->Put<int32_t>(row, static_cast<int8_t>(p[0])); break;
    case Op::kUint8: to->Put<int32_t>(row, p[0]); break;
    case Op::kInt16: to->Put<int32_t>(row, Load<int16_t>(p)); break;
    case Op::kUint16: to->Put<int32_t>(row, Load<uint16_t>(p)); break;
    case Op::kInt24:
      to->Put<int32_t>(row, static_cast<int32_t>(Little24(p) << 8) >> 8);
      break;
    case Op::kUint24: to->Put<int32_t>(row, static_cast<int32_t>(Little24(p))); break;
    case Op::kInt32: to->Put<int32_t>(row, Load<int32_t>(p)); break;
    case Op::kUint32: to->Put<int64_t>(row, Load<uint32_t>(p)); break;
    case Op::kInt64: to->Put<int64_t>(row, Load<int64_t>(p)); break;
    case Op::kUint64: to->Put<Int128>(row, Load<uint64_t>(p)); break;
    case Op::kFloat: to->Put<float>(row, Load<float>(p)); break;
    case Op::kDouble: to->Put<double>(row, Load<double>(p)); break;
    case Op::kYear: to->Put<int32_t>(row, p[0] ? 1900 + p[0] : 0); break;
    case Op::kBool: to->PutBit(row, p[0] & 1); break;
    case Op::kText: writer_.Text(to, row, column, *f.charset, chars, size); break;
    case Op::kBytes: writer_.Bytes(to, row, column, chars, size); break;
    case Op::kDatetime: {
      DateTime t = UnpackDateTime(BigEndian(p, 5) - 0x8000000000);
      t.micros = Fraction(p + 5, f.scale);
      writer_.DateAndTime(to, row, column, t);
      break;
    }
    case Op::kTimestamp:
      writer_.Instant(to, row, column, static_cast<int64_t>(BigEndian(p, 4)),
                      Fraction(p + 4, f.scale));
      break;
    case Op::kDate: {
      const uint32_t packed = Little24(p);
      writer_.Date(to, row, column, packed >> 9, packed >> 5 & 15, packed & 31);
      break;
    }
    case Op::kDecimal: {
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

void RowDecoder::Impl::PutRare(const Field& f, const uint8_t* p, size_t size,
                               ColumnBuilder* to, int64_t row, int column) {
  const std::string_view bytes(reinterpret_cast<const char*>(p), size);
  switch (f.op) {
    case Op::kDecimalText:
      text_.clear();
      if (AppendDecimalText(p, f.precision, f.scale, &text_)) {
        writer_.Bytes(to, row, column, text_.data(), text_.size());
      } else {
        writer_.Fault(to, row, column, bytes, "is no decimal");
      }
      break;
    case Op::kTime: to->Put<int64_t>(row, ReadTime(p, f.scale)); break;
    case Op::kOldTime: {
      const int32_t packed = static_cast<int32_t>(Little24(p) << 8) >> 8;
      const int32_t n = packed < 0 ? -packed : packed;
      const int64_t seconds = (n / 10'000 * 60 + n / 100 % 100) * 60 + n % 100;
      to->Put<int64_t>(row, (packed < 0 ? -seconds : seconds) * kMicros);
      break;
    }
    case Op::kOldDatetime: {
      const auto n = Load<uint64_t>(p);
      const auto date = static_cast<uint32_t>(n / 1'000'000 % 100'000'000);
      const auto time = static_cast<uint32_t>(n % 1'000'000);
      writer_.DateAndTime(to, row, column,
                          {date / 10'000, date / 100 % 100, date % 100, time / 10'000,
                           time / 100 % 100, time % 100, 0});
      break;
    }
    case Op::kOldTimestamp: writer_.Instant(to, row, column, Load<uint32_t>(p), 0); break;
    case Op::kEnum:
      writer_.Enum(to, row, column, size == 1 ? p[0] : Load<uint16_t>(p));
      break;
    case Op::kSet: {
      uint64_t bits = 0;
      std::memcpy(&bits, p, size);
      writer_.Set(to, row, column, bits);
      break;
    }
    case Op::kFixedBytes: writer_.Padded(to, row, column, bytes.data(), size); break;
    case Op::kNative:
      text_ = NativeText(writer_.def(column).native, bytes);
      writer_.Bytes(to, row, column, text_.data(), text_.size());
      break;
    case Op::kGeometry: writer_.Geometry(to, row, column, bytes.data(), size); break;
    case Op::kJson:
      text_.clear();
      PutJson(AppendJsonText(bytes, &text_), to, row, column);
      break;
    default: PutCompressed(f, bytes, to, row, column);
  }
}

void RowDecoder::Impl::PutJson(bool ok, ColumnBuilder* to, int64_t row, int column) {
  if (ok && IsUtf8(text_.data(), text_.size())) {
    writer_.Bytes(to, row, column, text_.data(), text_.size());
  } else {
    writer_.Fault(to, row, column, {}, "is no JSON that MySQL writes");
  }
}

void RowDecoder::Impl::PutCompressed(const Field& f, std::string_view bytes,
                                     ColumnBuilder* to, int64_t row, int column) {
  if (!Uncompress(bytes, INT32_MAX, &text_)) {
    writer_.Fault(to, row, column, bytes, "cannot be uncompressed");
  } else if (f.op == Op::kCompressedText) {
    writer_.Text(to, row, column, *f.charset, text_.data(), text_.size());
  } else {
    writer_.Bytes(to, row, column, text_.data(), text_.size());
  }
}

bool RowDecoder::Impl::ReadImage(ByteReader* in, TableBuilder* out) {
  const size_t count = fields_.size();
  const int64_t row = out->StartRow();
  ByteReader reader = *in;
  const uint8_t* nulls = reader.Take((count + 7) / 8);
  if (!nulls) return false;
  const Field* field = fields_.data();
  for (size_t i = 0; i < count; i++, field++) {
    const int column = static_cast<int>(i);
    if (HasBit(nulls, i)) {
      if (out->filled(column)) out->column(column).PutNull(row);
      continue;
    }
    size_t size = 0;
    const uint8_t* value = Take(&reader, *field, &size);
    if (!value) return false;
    if (out->filled(column)) Put(*field, value, size, &out->column(column), row, column);
  }
  *in = reader;
  return !reader.failed();
}

bool RowDecoder::Impl::SkipImage(ByteReader* in) {
  const uint8_t* nulls = in->Take((fields_.size() + 7) / 8);
  if (!nulls) return false;
  for (size_t i = 0; i < fields_.size(); i++) {
    size_t size = 0;
    if (!HasBit(nulls, i) && !Take(in, fields_[i], &size)) return false;
  }
  return !in->failed();
}

bool RowDecoder::Impl::FindValues(ByteReader in, Values* values) {
  values->assign(fields_.size(), std::nullopt);
  const uint8_t* nulls = in.Take((fields_.size() + 7) / 8);
  if (!nulls) return false;
  for (size_t i = 0; i < fields_.size(); i++) {
    if (HasBit(nulls, i)) continue;
    size_t size = 0;
    const uint8_t* value = Take(&in, fields_[i], &size);
    if (!value) return false;
    (*values)[i].emplace(reinterpret_cast<const char*>(value), size);
  }
  return !in.failed();
}

bool RowDecoder::Impl::ReadPartialImage(ByteReader* in, const Values& before,
                                        TableBuilder* out) {
  constexpr uint8_t kPartialJson = 1;
  const uint8_t options = in->U8();
  if (options > kPartialJson) return false;
  const uint8_t* partial = nullptr;
  if (options == kPartialJson) {
    partial = in->Take((json_columns_ + 7) / 8);
    if (!partial) return false;
  }
  const uint8_t* nulls = in->Take((fields_.size() + 7) / 8);
  if (!nulls) return false;
  const int64_t row = out->StartRow();
  size_t json = 0;
  for (size_t i = 0; i < fields_.size(); i++) {
    const int column = static_cast<int>(i);
    const bool is_json = fields_[i].op == Op::kJson;
    const size_t which = is_json ? json++ : 0;
    if (HasBit(nulls, i)) {
      out->column(column).PutNull(row);
      continue;
    }
    size_t size = 0;
    const uint8_t* value = Take(in, fields_[i], &size);
    if (!value) return false;
    ColumnBuilder* to = &out->column(column);
    if (!is_json || !partial || !HasBit(partial, which)) {
      Put(fields_[i], value, size, to, row, column);
      continue;
    }
    const std::string_view diffs(reinterpret_cast<const char*>(value), size);
    text_.clear();
    PutJson(before[i] && AppendPatchedJson(*before[i], diffs, &text_), to, row, column);
  }
  return !in->failed();
}

// What the image lacks did not change. Its NULL bits count the columns it has.
bool RowDecoder::Impl::ReadSparseImage(ByteReader* in, const Values& before,
                                       TableBuilder* out) {
  const auto* present = reinterpret_cast<const uint8_t*>(after_.data());
  size_t count = 0;
  for (size_t i = 0; i < fields_.size(); i++) count += HasBit(present, i) ? 1 : 0;
  const uint8_t* nulls = in->Take((count + 7) / 8);
  if (!nulls) return false;
  const int64_t row = out->StartRow();
  size_t which = 0;
  for (size_t i = 0; i < fields_.size(); i++) {
    const int column = static_cast<int>(i);
    std::optional<std::string_view> value = before[i];
    if (HasBit(present, i)) {
      value.reset();
      if (!HasBit(nulls, which++)) {
        size_t size = 0;
        const uint8_t* bytes = Take(in, fields_[i], &size);
        if (!bytes) return false;
        value.emplace(reinterpret_cast<const char*>(bytes), size);
      }
    }
    if (!value) {
      out->column(column).PutNull(row);
      continue;
    }
    Put(fields_[i], reinterpret_cast<const uint8_t*>(value->data()), value->size(),
        &out->column(column), row, column);
  }
  return !in->failed();
}

bool RowDecoder::Impl::ReadUpdate(ByteReader* in, bool partial, TableBuilder* before,
                                  TableBuilder* after) {
  if ((partial || sparse()) && !FindValues(*in, &values_)) return false;
  if (!(before ? ReadImage(in, before) : SkipImage(in))) return false;
  if (sparse()) return ReadSparseImage(in, values_, after);
  return partial ? ReadPartialImage(in, values_, after) : ReadImage(in, after);
}

DeadLetter RowDecoder::Impl::Reject(ByteReader in, const SchemaRef& schema) {
  // The row once more, alone, with what is at fault as null.
  DeadLetter letter = writer_.Letter({});
  TableBuilder one(schema);
  if (ReadImage(&in, &one)) {
    one.CommitRow();
    if (auto batch = one.Finish(); batch.ok()) letter.row = RowJson(**batch);
  }
  writer_.ForgetRow();
  return letter;
}

RowDecoder::RowDecoder(const TableDef& table, const ValueOptions& options)
    : impl_(std::make_unique<Impl>(table, options)) {}
RowDecoder::~RowDecoder() = default;
RowDecoder::RowDecoder(RowDecoder&&) noexcept = default;
RowDecoder& RowDecoder::operator=(RowDecoder&&) noexcept = default;

Status RowDecoder::SetColumns(uint64_t columns, std::string_view before,
                              std::string_view after) {
  const TableDef& table = impl_->table();
  if (columns != table.columns.size()) return Malformed(table);
  impl_->SetAfter({});
  for (std::string_view bitmap : {before, after}) {
    if (!bitmap.empty() && bitmap.size() < (columns + 7) / 8) return Malformed(table);
  }
  const int lacking = FirstLacking(before, columns);
  if (lacking >= 0) {
    return Status::Config(fmt::format(
        "table {}: the binlog's rows lack column `{}`, because they were written with "
        "another row image than FULL. Run: SET GLOBAL binlog_row_image=FULL; and "
        "reconnect the writers, then take the table's snapshot again",
        table.id.ToString(), table.columns[static_cast<size_t>(lacking)].name));
  }
  if (!after.empty() && FirstLacking(after, columns) >= 0) impl_->SetAfter(after);
  return Status::Ok();
}

Result<bool> RowDecoder::Append(ByteReader* in, TableBuilder* out, DeadLetter* reject) {
  const ByteReader start = *in;
  impl_->writer().StartRow();
  if (!impl_->ReadImage(in, out)) {
    out->RollbackRow();
    return Malformed(impl_->table());
  }
  if (impl_->writer().faulty()) [[unlikely]] {
    out->RollbackRow();
    *reject = impl_->Reject(start, out->schema());
    return false;
  }
  out->CommitRow();
  return true;
}

Result<bool> RowDecoder::AppendUpdate(ByteReader* in, bool partial, TableBuilder* before,
                                      TableBuilder* after, DeadLetter* reject) {
  if (partial && impl_->sparse()) {
    return Status::Config(fmt::format(
        "table {}: the binlog has differences of JSON values in incomplete rows. Run: "
        "SET "
        "GLOBAL binlog_row_image=FULL; and reconnect the writers, then take the table's "
        "snapshot again",
        impl_->table().id.ToString()));
  }
  const ByteReader start = *in;
  impl_->writer().StartRow();
  const bool ok = impl_->ReadUpdate(in, partial, before, after);
  if (ok && !impl_->writer().faulty()) [[likely]] {
    if (before) before->CommitRow();
    after->CommitRow();
    return true;
  }
  if (before) before->RollbackRow();
  after->RollbackRow();
  if (!ok) return Malformed(impl_->table());
  // What is at fault may stand in the before image alone; the row that counts is after,
  // where all of it stands there.
  ByteReader second = start;
  if (!partial && !impl_->sparse()) impl_->SkipImage(&second);
  *reject = impl_->Reject(second, after->schema());
  return false;
}

Status RowDecoder::Skip(ByteReader* in) {
  return impl_->SkipImage(in) ? Status::Ok() : Malformed(impl_->table());
}

int64_t RowDecoder::zero_dates() const { return impl_->writer().zero_dates(); }

}  // namespace leat::mysql
