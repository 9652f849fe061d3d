#include "connectors/mysql/values/json_binary.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/text.h"
#include "connectors/mysql/values/column.h"
#include "connectors/mysql/values/decimal.h"
#include "connectors/mysql/values/temporal.h"

namespace leat::mysql {
namespace {

// In lines of 76 digits, as the server's encoder makes them; inside a JSON string the
// line's end is an escape.
void AppendBase64(std::string_view bytes, std::string* out) {
  constexpr size_t kLineBytes = 57;
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    if (i && i % kLineBytes == 0) *out += "\\n";
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; k++) {
      word = word << 8 | (k < n ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; k++) {
      *out += k <= n ? kDigits[word >> (18 - 6 * k) & 63] : '=';
    }
  }
}

// MySQL's my_gcvt with room enough: fixed notation for a decimal point among or near the
// digits, else d.ddde-5; the shortest digits that read back as the same number.
void AppendDouble(double v, std::string* out) {
  constexpr int kMostFixed = 15;
  char buffer[64];
  const auto end =
      std::to_chars(buffer, std::end(buffer), v, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  if (e == text.npos) {  // infinity and NaN: not storable
    *out += "null";
    return;
  }
  std::string digits;
  for (char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  if (text[0] == '-') *out += '-';
  int exponent = 0;
  std::from_chars(buffer + e + (buffer[e + 1] == '+' ? 2 : 1), end, exponent);
  int point = exponent + 1;  // the decimal point stands after that many digits
  const int count = static_cast<int>(digits.size());
  if (v == 0) point = 1;
  if (point < 1 - kMostFixed || (point > kMostFixed && count <= point)) {
    *out += digits[0];
    if (count > 1) *out += '.';
    out->append(digits, 1);
    *out += 'e';
    AppendInt(point - 1, out);
    return;
  }
  if (point <= 0) {
    *out += "0.";
    out->append(static_cast<size_t>(-point), '0');
    *out += digits;
  } else if (count > point) {
    out->append(digits, 0, static_cast<size_t>(point));
    *out += '.';
    out->append(digits, static_cast<size_t>(point));
  } else {
    *out += digits;
    out->append(static_cast<size_t>(point - count), '0');
    *out += ".0";
  }
}

// A length in groups of seven bits, lowest first, and the bytes after it.
bool TakeSized(std::string_view data, std::string_view* taken) {
  uint64_t size = 0;
  for (size_t i = 0; i < 5 && i < data.size(); i++) {
    const auto byte = static_cast<uint8_t>(data[i]);
    size |= static_cast<uint64_t>(byte & 0x7f) << 7 * i;
    if (byte & 0x80) continue;
    if (size > data.size() - i - 1) return false;
    *taken = data.substr(i + 1, size);
    return true;
  }
  return false;
}

// 10:11:12.000013
void AppendClock(uint64_t hour, uint64_t minute, uint64_t second, uint64_t micros,
                 std::string* out) {
  AppendInt(hour, out, 2);
  *out += ':';
  AppendInt(minute, out, 2);
  *out += ':';
  AppendInt(second, out, 2);
  *out += '.';
  AppendInt(micros, out, 6);
}

bool AppendTemporal(Type type, int64_t packed, std::string* out) {
  if (type == Type::kTime) {
    const int64_t micros = UnpackTime(packed);
    const auto size = static_cast<uint64_t>(micros < 0 ? -micros : micros);
    const uint64_t seconds = size / 1'000'000;
    *out += micros < 0 ? "\"-" : "\"";
    AppendClock(seconds / 3600, seconds / 60 % 60, seconds % 60, size % 1'000'000, out);
    *out += '"';
    return true;
  }
  if (packed < 0) return false;
  const DateTime t = UnpackDateTime(static_cast<uint64_t>(packed) >> 24);
  *out += '"';
  AppendInt(t.year, out, 4);
  *out += '-';
  AppendInt(t.month, out, 2);
  *out += '-';
  AppendInt(t.day, out, 2);
  if (type != Type::kDate) {
    *out += ' ';
    AppendClock(t.hour, t.minute, t.second, static_cast<uint64_t>(packed) & 0xffffff,
                out);
  }
  *out += '"';
  return true;
}

bool AppendOpaque(std::string_view data, std::string* out) {
  std::string_view bytes;
  if (data.empty() || !TakeSized(data.substr(1), &bytes)) return false;
  const auto type = static_cast<Type>(data[0]);
  switch (type) {
    case Type::kDecimal: {
      if (bytes.size() < 2) return false;
      const int precision = static_cast<uint8_t>(bytes[0]);
      const int scale = static_cast<uint8_t>(bytes[1]);
      if (precision < 1 || precision > 65 || scale > precision) return false;
      const auto size = static_cast<size_t>(DecimalBytes(precision, scale));
      const auto* p = reinterpret_cast<const uint8_t*>(bytes.data()) + 2;
      return bytes.size() == size + 2 && AppendDecimalText(p, precision, scale, out);
    }
    case Type::kDate:
    case Type::kDatetime:
    case Type::kTimestamp:
    case Type::kTime: {
      if (bytes.size() != 8) return false;
      ByteReader in(bytes);
      return AppendTemporal(type, static_cast<int64_t>(in.U64()), out);
    }
    default: break;
  }
  *out += "\"base64:type";
  AppendInt(static_cast<int>(type), out);
  *out += ':';
  AppendBase64(bytes, out);
  *out += '"';
  return true;
}

bool AppendLiteral(uint8_t literal, std::string* out) {
  static constexpr const char* kLiterals[] = {"null", "true", "false"};
  if (literal >= std::size(kLiterals)) return false;
  *out += kLiterals[literal];
  return true;
}

bool Append(const JsonValue& value, int depth, size_t most, std::string* out) {
  if (!value.container()) return AppendJsonScalar(value, out) && out->size() <= most;
  JsonContainer container;
  if (depth == 0 || !container.Open(value)) return false;
  const bool object = value.object();
  *out += object ? '{' : '[';
  for (uint32_t i = 0; i < container.size(); i++) {
    if (i) *out += ", ";
    if (object) {
      std::string_view key;
      if (!container.Key(i, &key)) return false;
      AppendJsonString(key, out);
      *out += ": ";
    }
    JsonValue member;
    if (!container.Member(i, &member)) return false;
    if (!Append(member, depth - 1, most, out)) return false;
  }
  *out += object ? '}' : ']';
  return out->size() <= most;
}

}  // namespace

bool OpenJson(std::string_view document, JsonValue* value) {
  static constexpr char kNull[] = {0};
  if (document.empty()) {
    *value = {JsonKind::kLiteral, std::string_view(kNull, 1)};
    return true;
  }
  *value = {static_cast<JsonKind>(document[0]), document.substr(1)};
  return true;
}

uint64_t JsonContainer::Offset(size_t at) const {
  uint64_t offset = 0;
  std::memcpy(&offset, value_.data.data() + at, width_);
  return offset;
}

bool JsonContainer::Open(const JsonValue& value) {
  value_ = value;
  width_ = value.large() ? 4 : 2;
  if (value.data.size() < 2 * width_) return false;
  count_ = static_cast<uint32_t>(Offset(0));
  const uint64_t size = Offset(width_);
  if (size > value.data.size()) return false;
  value_.data = value.data.substr(0, size);
  const size_t keys = value.object() ? count_ * (width_ + 2ul) : 0;
  entries_ = 2 * width_ + keys;
  return entries_ + count_ * (1ul + width_) <= size;
}

bool JsonContainer::Key(uint32_t i, std::string_view* key) const {
  const size_t at = 2 * width_ + i * (width_ + 2ul);
  const uint64_t offset = Offset(at);
  uint16_t size;
  std::memcpy(&size, value_.data.data() + at + width_, 2);
  if (offset > value_.data.size() || size > value_.data.size() - offset) return false;
  *key = value_.data.substr(offset, size);
  return true;
}

bool JsonContainer::Member(uint32_t i, JsonValue* member) const {
  const size_t at = entries_ + i * (1ul + width_);
  member->kind = static_cast<JsonKind>(value_.data[at]);
  const bool inlined =
      member->kind == JsonKind::kLiteral || member->kind == JsonKind::kInt16 ||
      member->kind == JsonKind::kUint16 ||
      (width_ == 4 &&
       (member->kind == JsonKind::kInt32 || member->kind == JsonKind::kUint32));
  if (inlined) {
    member->data = value_.data.substr(at + 1, width_);
    return true;
  }
  const uint64_t offset = Offset(at + 1);
  if (offset < entries_ || offset >= value_.data.size()) return false;
  member->data = value_.data.substr(offset);
  return true;
}

bool AppendJsonScalar(const JsonValue& value, std::string* out) {
  ByteReader in(value.data);
  switch (value.kind) {
    case JsonKind::kLiteral: return AppendLiteral(in.U8(), out) && !in.failed();
    case JsonKind::kInt16: AppendInt(static_cast<int16_t>(in.U16()), out); break;
    case JsonKind::kUint16: AppendInt(in.U16(), out); break;
    case JsonKind::kInt32: AppendInt(static_cast<int32_t>(in.U32()), out); break;
    case JsonKind::kUint32: AppendInt(in.U32(), out); break;
    case JsonKind::kInt64: AppendInt(static_cast<int64_t>(in.U64()), out); break;
    case JsonKind::kUint64: AppendInt(in.U64(), out); break;
    case JsonKind::kDouble: AppendDouble(std::bit_cast<double>(in.U64()), out); break;
    case JsonKind::kString: {
      std::string_view text;
      if (!TakeSized(value.data, &text)) return false;
      AppendJsonString(text, out);
      return true;
    }
    case JsonKind::kOpaque: return AppendOpaque(value.data, out);
    default: return false;
  }
  return !in.failed();
}

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  for (char c : text) {
    switch (c) {
      case '"': *out += "\\\""; break;
      case '\\': *out += "\\\\"; break;
      case '\b': *out += "\\b"; break;
      case '\f': *out += "\\f"; break;
      case '\n': *out += "\\n"; break;
      case '\r': *out += "\\r"; break;
      case '\t': *out += "\\t"; break;
      default:
        if (static_cast<uint8_t>(c) < 0x20) {
          *out += "\\u00";
          AppendHex({&c, 1}, out);
        } else {
          *out += c;
        }
    }
  }
  *out += '"';
}

bool AppendJsonText(std::string_view document, std::string* out) {
  JsonValue value;
  if (!OpenJson(document, &value)) return false;
  const size_t most = out->size() + MostJsonText(document.size());
  return Append(value, kMostJsonDepth + 1, most, out);
}

}  // namespace leat::mysql
