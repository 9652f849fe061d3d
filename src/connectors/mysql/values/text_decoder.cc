#include "connectors/mysql/values/text_decoder.h"

#include <fmt/format.h>

#include <charconv>

#include "connectors/mysql/values/value_writer.h"
#include "core/json.h"

namespace leat::mysql {
namespace {

enum class TextOp : uint8_t {
  kInt32,
  kInt64,
  kUint64,
  kFloat,
  kDouble,
  kBool,
  kDecimal,
  kDecimalText,
  kDate,
  kDatetime,
  kTime,
  kText,    // UTF-8, or in `charset` when the server must not convert
  kServer,  // UTF-8 that the server makes: labels, JSON, MariaDB's INET and UUID
  kBytes,
  kPadded,
  kGeometry,
};

struct TextField {
  TextOp op = TextOp::kBytes;
  int scale = 0;
  const Charset* charset = nullptr;
};

TextOp StringOp(const ColumnDef& c) {
  if (c.native != Native::kNone) return TextOp::kServer;
  if (c.charset && !c.charset->binary()) return TextOp::kText;
  return c.type == Type::kString ? TextOp::kPadded : TextOp::kBytes;
}

TextOp TextOpOf(const ColumnDef& c) {
  switch (c.type) {
    case Type::kTiny:
    case Type::kShort:
    case Type::kInt24:
    case Type::kYear: return TextOp::kInt32;
    case Type::kLong: return c.is_unsigned ? TextOp::kInt64 : TextOp::kInt32;
    case Type::kLongLong: return c.is_unsigned ? TextOp::kUint64 : TextOp::kInt64;
    case Type::kFloat: return TextOp::kFloat;
    case Type::kDouble: return TextOp::kDouble;
    case Type::kDecimal:
      return c.precision > 38 ? TextOp::kDecimalText : TextOp::kDecimal;
    case Type::kDate:
    case Type::kNewDate: return TextOp::kDate;
    case Type::kDatetime:
    case Type::kDatetime2:
    case Type::kTimestamp:
    case Type::kTimestamp2: return TextOp::kDatetime;
    case Type::kTime:
    case Type::kTime2: return TextOp::kTime;
    case Type::kBit: return c.length == 1 ? TextOp::kBool : TextOp::kBytes;
    case Type::kEnum:
    case Type::kSet:
    case Type::kJson: return TextOp::kServer;
    case Type::kVector: return TextOp::kBytes;
    case Type::kGeometry: return TextOp::kGeometry;
    default: return StringOp(c);
  }
}

// The servers' text of a column that we convert ourselves is in bytes.
bool SelectedAsBytes(const ColumnDef& c) {
  return TextOpOf(c) == TextOp::kText && !c.charset->utf8();
}

// `n` digits at `p` into `value`. False: something else is there.
bool Digits(const char* p, int n, uint32_t* value) {
  uint32_t v = 0;
  for (int i = 0; i < n; i++) {
    const auto digit = static_cast<uint8_t>(p[i] - '0');
    if (digit > 9) return false;
    v = v * 10 + digit;
  }
  *value = v;
  return true;
}

// ".123456" or nothing, to microseconds.
bool ReadFraction(std::string_view text, uint32_t* micros) {
  *micros = 0;
  if (text.empty()) return true;
  if (text[0] != '.' || text.size() < 2 || text.size() > 7) return false;
  const int digits = static_cast<int>(text.size()) - 1;
  if (!Digits(text.data() + 1, digits, micros)) return false;
  for (int i = digits; i < 6; i++) *micros *= 10;
  return true;
}

// "2024-02-29"
bool ReadDate(std::string_view text, DateTime* t) {
  return text.size() >= 10 && text[4] == '-' && text[7] == '-' &&
         Digits(text.data(), 4, &t->year) && Digits(text.data() + 5, 2, &t->month) &&
         Digits(text.data() + 8, 2, &t->day);
}

// "12:34:56"
bool ReadClock(const char* p, DateTime* t) {
  return p[2] == ':' && p[5] == ':' && Digits(p, 2, &t->hour) &&
         Digits(p + 3, 2, &t->minute) && Digits(p + 6, 2, &t->second);
}

// "2024-02-29 12:34:56.789"
bool ReadDateTime(std::string_view text, DateTime* t) {
  return text.size() >= 19 && ReadDate(text, t) && ReadClock(text.data() + 11, t) &&
         ReadFraction(text.substr(19), &t->micros);
}

// "-838:59:59.000000" as microseconds.
bool ReadTimeText(std::string_view text, int64_t* micros) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  const size_t colon = text.find(':');
  if (colon == text.npos || colon > 3 || text.size() < colon + 6) return false;
  uint32_t hours = 0;
  DateTime t;
  const char* p = text.data() + colon;
  if (!Digits(text.data(), static_cast<int>(colon), &hours) || p[3] != ':') return false;
  if (!Digits(p + 1, 2, &t.minute) || !Digits(p + 4, 2, &t.second)) return false;
  if (!ReadFraction(text.substr(colon + 6), &t.micros)) return false;
  t.hour = hours;
  *micros = negative ? -DayTime(t) : DayTime(t);
  return true;
}

template <typename T>
bool ReadNumber(std::string_view text, T* value) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, *value);
  return read.ec == std::errc() && read.ptr == end;
}

// As the log has it: without the zeros in front that ZEROFILL prints.
std::string_view WithoutZerofill(std::string_view text) {
  while (text.size() > 1 && text[0] == '0' && text[1] != '.') text.remove_prefix(1);
  return text;
}

}  // namespace

std::string QuoteName(std::string_view name) {
  std::string out = "`";
  for (char c : name) {
    if (c == '`') out += c;
    out += c;
  }
  return out + '`';
}

std::string SelectExpression(const ColumnDef& column) {
  const std::string name = QuoteName(column.name);
  // The text of a FLOAT has six digits, that of a DOUBLE(M,D) only D after the point. A
  // product keeps the sign of zero, a sum would not.
  if (column.type == Type::kFloat || column.type == Type::kDouble) return name + "*1e0";
  if (SelectedAsBytes(column)) return fmt::format("CAST({} AS BINARY)", name);
  return name;
}

class TextDecoder::Impl {
 public:
  Impl(const TableDef& table, const ValueOptions& options) : writer_(table, options) {
    for (const ColumnDef& c : table.columns) {
      fields_.push_back({TextOpOf(c), c.scale, c.charset});
    }
  }

  size_t columns() const { return fields_.size(); }
  ValueWriter& writer() { return writer_; }

  // False: no text of the column's type.
  bool Put(const char* data, size_t size, ColumnBuilder* to, int64_t row, int column);
  Status Misfit(int column, std::string_view text) const;
  DeadLetter Reject(const char* const* values, const unsigned long* lengths);

 private:
  // All but numbers.
  bool PutOther(const TextField& f, std::string_view text, ColumnBuilder* to, int64_t row,
                int column);

  ValueWriter writer_;
  std::vector<TextField> fields_;
};

bool TextDecoder::Impl::Put(const char* data, size_t size, ColumnBuilder* to, int64_t row,
                            int column) {
  const TextField& f = fields_[static_cast<size_t>(column)];
  const std::string_view text(data, size);
  auto number = [&]<typename T>(T value) {
    if (!ReadNumber(text, &value)) return false;
    to->Put<T>(row, value);
    return true;
  };
  switch (f.op) {
    case TextOp::kInt32: return number(int32_t{});
    case TextOp::kInt64: return number(int64_t{});
    case TextOp::kDouble: return number(double{});
    case TextOp::kUint64: {
      uint64_t value = 0;
      if (!ReadNumber(text, &value)) return false;
      to->Put<Int128>(row, value);
      return true;
    }
    case TextOp::kFloat: {
      double value = 0;  // what the server made of the FLOAT: the way back is exact
      if (!ReadNumber(text, &value)) return false;
      to->Put<float>(row, static_cast<float>(value));
      return true;
    }
    case TextOp::kBool: to->PutBit(row, size > 0 && (data[size - 1] & 1)); return true;
    case TextOp::kDecimal: {
      Int128 value = 0;
      if (!ParseDecimal(text, f.scale, &value)) return false;
      to->Put<Int128>(row, value);
      return true;
    }
    case TextOp::kDecimalText: {
      const std::string_view digits = WithoutZerofill(text);
      writer_.Bytes(to, row, column, digits.data(), digits.size());
      return true;
    }
    default: return PutOther(f, text, to, row, column);
  }
}

bool TextDecoder::Impl::PutOther(const TextField& f, std::string_view text,
                                 ColumnBuilder* to, int64_t row, int column) {
  const char* data = text.data();
  const size_t size = text.size();
  DateTime t;
  switch (f.op) {
    case TextOp::kDate:
      if (size != 10 || !ReadDate(text, &t)) return false;
      writer_.Date(to, row, column, t.year, t.month, t.day);
      return true;
    case TextOp::kDatetime:
      if (!ReadDateTime(text, &t)) return false;
      writer_.DateAndTime(to, row, column, t);
      return true;
    case TextOp::kTime: {
      int64_t micros = 0;
      if (!ReadTimeText(text, &micros)) return false;
      to->Put<int64_t>(row, micros);
      return true;
    }
    case TextOp::kText:
      writer_.Text(to, row, column, *f.charset, data, size);
      return true;
    case TextOp::kServer: {
      static const Charset* utf8 = Charset::Named("utf8mb4");
      writer_.Text(to, row, column, *utf8, data, size);
      return true;
    }
    case TextOp::kPadded: writer_.Padded(to, row, column, data, size); return true;
    case TextOp::kBytes: writer_.Bytes(to, row, column, data, size); return true;
    case TextOp::kGeometry: writer_.Geometry(to, row, column, data, size); return true;
    default: return false;
  }
}

Status TextDecoder::Impl::Misfit(int column, std::string_view text) const {
  const ColumnDef& def = writer_.def(column);
  return Status::Transient(fmt::format(
      "table {}: the server sent 0x{} for column `{}`, which is no {}: the table was "
      "changed while it was read",
      writer_.table().id.ToString(), ShortHex(text), def.name, def.source_type));
}

DeadLetter TextDecoder::Impl::Reject(const char* const* values,
                                     const unsigned long* lengths) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (size_t i = 0; i < fields_.size(); i++) {
    const std::string& name = writer_.def(static_cast<int>(i)).name;
    if (!values[i]) {
      json[name] = nullptr;
      continue;
    }
    const std::string_view text(values[i], lengths[i]);
    const bool bytes =
        !IsUtf8(text.data(), text.size()) || fields_[i].op == TextOp::kBytes;
    json[name] = bytes ? "0x" + ShortHex(text) : std::string(text);
  }
  DeadLetter letter = writer_.Letter(DumpJson(json));
  writer_.ForgetRow();
  return letter;
}

TextDecoder::TextDecoder(const TableDef& table, const ValueOptions& options)
    : impl_(std::make_unique<Impl>(table, options)) {}
TextDecoder::~TextDecoder() = default;
TextDecoder::TextDecoder(TextDecoder&&) noexcept = default;
TextDecoder& TextDecoder::operator=(TextDecoder&&) noexcept = default;

Result<bool> TextDecoder::Append(const char* const* values, const unsigned long* lengths,
                                 TableBuilder* out, DeadLetter* reject) {
  impl_->writer().StartRow();
  const int64_t row = out->StartRow();
  for (size_t i = 0; i < impl_->columns(); i++) {
    const int column = static_cast<int>(i);
    ColumnBuilder* to = &out->column(column);
    if (!values[i]) {
      to->PutNull(row);
    } else if (!impl_->Put(values[i], lengths[i], to, row, column)) [[unlikely]] {
      out->RollbackRow();
      return impl_->Misfit(column, {values[i], lengths[i]});
    }
  }
  if (impl_->writer().faulty()) [[unlikely]] {
    out->RollbackRow();
    *reject = impl_->Reject(values, lengths);
    return false;
  }
  out->CommitRow();
  return true;
}

int64_t TextDecoder::zero_dates() const { return impl_->writer().zero_dates(); }

}  // namespace leat::mysql
