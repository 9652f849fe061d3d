#include "connectors/iceberg/metadata/transform.h"

#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cstring>
#include <unordered_map>

#include "base/text.h"

namespace leat::iceberg {
namespace {

using Kind = Transform::Kind;
using Wide = __int128;

constexpr int64_t kMicrosPerHour = 3'600'000'000;
constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

template <typename T>
T TruncateTo(T value, T width) {
  return value - (((value % width) + width) % width);
}

Binary LittleEndian(int64_t value, size_t bytes) {
  Binary out(bytes, '\0');
  std::memcpy(out.data(), &value, bytes);
  return out;
}

// Big-endian two's complement in as few bytes as hold the sign.
Binary MinimalBigEndian(Wide value) {
  Binary out;
  for (int byte = 15; byte >= 0; byte--) {
    const auto b = static_cast<uint8_t>(value >> (8 * byte));
    if (out.empty() && byte > 0) {
      const bool next_negative = (static_cast<uint8_t>(value >> (8 * byte - 8)) & 0x80);
      if ((b == 0 && !next_negative) || (b == 0xFF && next_negative)) continue;
    }
    out.push_back(static_cast<char>(b));
  }
  return out;
}

int32_t YearOf(int64_t days) {
  const std::chrono::sys_days day{std::chrono::days{days}};
  return static_cast<int>(std::chrono::year_month_day{day}.year()) - 1970;
}

int32_t MonthOf(int64_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  return (static_cast<int>(date.year()) - 1970) * 12 +
         static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}

int32_t BucketOf(std::string_view bytes, int buckets) {
  return static_cast<int32_t>((Murmur3(bytes) & 0x7FFFFFFF) %
                              static_cast<uint32_t>(buckets));
}

// Gives each distinct value a code, in order of appearance. The last value's code is
// remembered: rows of one partition often stand together.
template <typename T>
class Coder {
 public:
  Coder(Coded* out, int64_t rows) : out_(*out) {
    out_.codes.reserve(static_cast<size_t>(rows));
  }
  template <typename Encode>
  void Add(const T& value, Encode encode) {
    if (last_ && last_->first == value) return out_.codes.push_back(last_->second);
    auto [at, added] = codes_.try_emplace(value, out_.values.size());
    if (added) out_.values.push_back(encode(value));
    out_.codes.push_back(at->second);
    last_ = {value, at->second};
  }
  void AddNull() {
    if (!null_) {
      null_ = static_cast<uint32_t>(out_.values.size());
      out_.values.push_back(std::nullopt);
    }
    out_.codes.push_back(*null_);
  }

 private:
  struct Hash {
    size_t operator()(Wide v) const {
      return std::hash<uint64_t>()(static_cast<uint64_t>(v) ^
                                   static_cast<uint64_t>(v >> 64));
    }
    size_t operator()(std::string_view v) const {
      return std::hash<std::string_view>()(v);
    }
  };
  Coded& out_;
  std::unordered_map<T, uint32_t, Hash> codes_;
  std::optional<std::pair<T, uint32_t>> last_;
  std::optional<uint32_t> null_;
};

bool IsInteger(TypeId id) {
  return id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kDate ||
         id == TypeId::kTime || id == TypeId::kTimestamp || id == TypeId::kTimestampTz ||
         id == TypeId::kBoolean;
}

bool IsBytesType(TypeId id) {
  return id == TypeId::kString || id == TypeId::kBinary || id == TypeId::kFixed ||
         id == TypeId::kUuid;
}

int64_t SourceInteger(const arrow::Array& array, int64_t i) {
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(i);
    case arrow::Type::INT32: return static_cast<const arrow::Int32Array&>(array).Value(i);
    case arrow::Type::DATE32:
      return static_cast<const arrow::Date32Array&>(array).Value(i);
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampArray&>(array).Value(i);
    case arrow::Type::TIME64:
      return static_cast<const arrow::Time64Array&>(array).Value(i);
    default: return static_cast<const arrow::Int64Array&>(array).Value(i);
  }
}

size_t WidthOf(TypeId id) {
  if (id == TypeId::kBoolean) return 1;
  return id == TypeId::kInt || id == TypeId::kDate ? 4 : 8;
}

// The transform of an integer, date, time or timestamp, and the width of its result.
int64_t OfInteger(const Transform& t, TypeId source, int64_t v) {
  const int64_t day = source == TypeId::kDate ? v : FloorDiv(v, kMicrosPerDay);
  switch (t.kind) {
    case Kind::kYear: return YearOf(day);
    case Kind::kMonth: return MonthOf(day);
    case Kind::kDay: return day;
    case Kind::kHour: return FloorDiv(v, kMicrosPerHour);
    case Kind::kBucket: return BucketOf(LittleEndian(v, 8), t.width);
    case Kind::kTruncate: return TruncateTo<int64_t>(v, t.width);
    default: return v;
  }
}

Coded OfIntegers(const Transform& t, TypeId source, const arrow::Array& column) {
  Coded out;
  Coder<Wide> coder(&out, column.length());
  const bool same = t.kind == Kind::kIdentity || t.kind == Kind::kTruncate;
  const size_t width = same ? WidthOf(source) : 4;
  for (int64_t i = 0; i < column.length(); i++) {
    if (column.IsNull(i)) {
      coder.AddNull();
    } else {
      coder.Add(OfInteger(t, source, SourceInteger(column, i)),
                [&](Wide v) { return LittleEndian(static_cast<int64_t>(v), width); });
    }
  }
  return out;
}

Coded OfDecimals(const Transform& t, const arrow::Array& column) {
  Coded out;
  Coder<Wide> coder(&out, column.length());
  const auto& decimals = static_cast<const arrow::Decimal128Array&>(column);
  for (int64_t i = 0; i < column.length(); i++) {
    if (column.IsNull(i)) {
      coder.AddNull();
      continue;
    }
    Wide v;
    std::memcpy(&v, decimals.GetValue(i), sizeof(v));
    if (t.kind == Kind::kTruncate) v = TruncateTo<Wide>(v, t.width);
    if (t.kind == Kind::kBucket) v = BucketOf(MinimalBigEndian(v), t.width);
    coder.Add(v, [&](Wide value) {
      return t.kind == Kind::kBucket ? LittleEndian(static_cast<int64_t>(value), 4)
                                     : MinimalBigEndian(value);
    });
  }
  return out;
}

std::string_view SourceBytes(const arrow::Array& array, int64_t i) {
  if (array.type_id() == arrow::Type::FIXED_SIZE_BINARY) {
    return static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(i);
  }
  return static_cast<const arrow::BinaryArray&>(array).GetView(i);
}

std::string_view FirstOf(std::string_view value, int width, bool text) {
  if (!text) return value.substr(0, static_cast<size_t>(width));
  size_t at = 0;
  for (int n = 0; n < width && at < value.size(); n++) {
    at++;
    while (at < value.size() && (value[at] & 0xC0) == 0x80) at++;
  }
  return value.substr(0, at);
}

Coded OfBytes(const Transform& t, TypeId source, const arrow::Array& column) {
  Coded out;
  if (t.kind == Kind::kBucket) {
    Coder<Wide> coder(&out, column.length());
    for (int64_t i = 0; i < column.length(); i++) {
      if (column.IsNull(i)) {
        coder.AddNull();
      } else {
        coder.Add(BucketOf(SourceBytes(column, i), t.width),
                  [](Wide v) { return LittleEndian(static_cast<int64_t>(v), 4); });
      }
    }
    return out;
  }
  Coder<std::string_view> coder(&out, column.length());
  for (int64_t i = 0; i < column.length(); i++) {
    if (column.IsNull(i)) {
      coder.AddNull();
      continue;
    }
    std::string_view v = SourceBytes(column, i);
    if (t.kind == Kind::kTruncate) v = FirstOf(v, t.width, source == TypeId::kString);
    coder.Add(v, [](std::string_view value) { return Binary(value); });
  }
  return out;
}

template <typename FloatArray>
Coded OfFloats(const arrow::Array& column) {
  using Value = typename FloatArray::value_type;
  Coded out;
  Coder<Wide> coder(&out, column.length());
  for (int64_t i = 0; i < column.length(); i++) {
    if (column.IsNull(i)) {
      coder.AddNull();
      continue;
    }
    const Value v = static_cast<const FloatArray&>(column).Value(i);
    int64_t bits = 0;
    std::memcpy(&bits, &v, sizeof(v));
    coder.Add(bits, [](Wide b) {
      return LittleEndian(static_cast<int64_t>(b), sizeof(Value));
    });
  }
  return out;
}

std::string DateText(int64_t days) {
  const std::chrono::year_month_day d{std::chrono::sys_days{std::chrono::days{days}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(d.year()),
                     static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day()));
}

std::string TimestampText(int64_t micros) {
  const int64_t day = FloorDiv(micros, kMicrosPerDay);
  const int64_t in_day = micros - day * kMicrosPerDay;
  return fmt::format("{}T{:02}:{:02}:{:02}.{:06}", DateText(day), in_day / kMicrosPerHour,
                     in_day / 60'000'000 % 60, in_day / 1'000'000 % 60,
                     in_day % 1'000'000);
}

std::string IntegerText(const Transform& t, TypeId type, int64_t v) {
  switch (t.kind) {
    case Kind::kYear: return fmt::format("{:04}", v + 1970);
    case Kind::kMonth:
      return fmt::format("{:04}-{:02}", FloorDiv(v, 12) + 1970,
                         v - FloorDiv(v, 12) * 12 + 1);
    case Kind::kDay: return DateText(v);
    case Kind::kHour: {
      const int64_t day = FloorDiv(v, 24);
      return fmt::format("{}-{:02}", DateText(day), v - day * 24);
    }
    default: break;
  }
  if (type == TypeId::kDate) return DateText(v);
  if (type == TypeId::kTimestamp) return TimestampText(v);
  if (type == TypeId::kTimestampTz) return TimestampText(v) + "+00:00";
  if (type == TypeId::kBoolean) return v ? "true" : "false";
  return std::to_string(v);
}

int64_t SignedLittle(std::string_view bytes) {
  int64_t v = !bytes.empty() && (bytes.back() & 0x80) && bytes.size() > 1 ? -1 : 0;
  std::memcpy(&v, bytes.data(), std::min<size_t>(bytes.size(), 8));
  return v;
}

}  // namespace

uint32_t Murmur3(std::string_view bytes) {
  constexpr uint32_t c1 = 0xcc9e2d51, c2 = 0x1b873593;
  uint32_t h = 0;
  const size_t blocks = bytes.size() / 4;
  for (size_t i = 0; i < blocks; i++) {
    uint32_t k;
    std::memcpy(&k, bytes.data() + i * 4, 4);
    h ^= std::rotl(k * c1, 15) * c2;
    h = std::rotl(h, 13) * 5 + 0xe6546b64;
  }
  uint32_t tail = 0;
  for (size_t i = bytes.size(); i > blocks * 4; i--) {
    tail = tail << 8 | static_cast<uint8_t>(bytes[i - 1]);
  }
  h ^= std::rotl(tail * c1, 15) * c2;
  h ^= static_cast<uint32_t>(bytes.size());
  h = (h ^ h >> 16) * 0x85ebca6b;
  h = (h ^ h >> 13) * 0xc2b2ae35;
  return h ^ h >> 16;
}

Result<Coded> ApplyTransform(const Transform& transform, const Type& source,
                             const arrow::Array& column) {
  ASSIGN_OR_RETURN(const Type result, transform.ResultType(source));
  if (transform.kind == Kind::kVoid) {
    return Coded{std::vector<uint32_t>(static_cast<size_t>(column.length()), 0),
                 {std::nullopt}};
  }
  if (IsInteger(source.id)) return OfIntegers(transform, source.id, column);
  if (source.id == TypeId::kDecimal) return OfDecimals(transform, column);
  if (IsBytesType(source.id)) return OfBytes(transform, source.id, column);
  if (source.id == TypeId::kFloat) return OfFloats<arrow::FloatArray>(column);
  if (source.id == TypeId::kDouble) return OfFloats<arrow::DoubleArray>(column);
  return Status::Config("a table cannot be partitioned by " + transform.ToString() +
                        " of a " + source.ToString());
}

std::string HumanValue(const Transform& transform, const Type& result,
                       const std::optional<Binary>& value) {
  if (!value) return "null";
  if (IsInteger(result.id)) {
    return IntegerText(transform, result.id, SignedLittle(*value));
  }
  switch (result.id) {
    case TypeId::kString: return *value;
    case TypeId::kDecimal: {
      Wide v = !value->empty() && (value->front() & 0x80) ? -1 : 0;
      for (const char c : *value) v = v << 8 | static_cast<uint8_t>(c);
      return arrow::Decimal128(static_cast<int64_t>(v >> 64), static_cast<uint64_t>(v))
          .ToString(result.scale);
    }
    case TypeId::kFloat: {
      float f;
      std::memcpy(&f, value->data(), sizeof(f));
      return fmt::format("{}", f);
    }
    case TypeId::kDouble: {
      double d;
      std::memcpy(&d, value->data(), sizeof(d));
      return fmt::format("{}", d);
    }
    default: return Hex(*value);
  }
}

}  // namespace leat::iceberg
