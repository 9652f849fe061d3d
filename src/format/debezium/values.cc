#include "format/debezium/values.h"

#include <algorithm>
#include <cstring>

#include "format/json/parse.h"

namespace leat::debezium {
namespace {

using json::Value;
using Kind = Value::Kind;

// Far beyond any database's, and cheap to turn into digits.
constexpr size_t kMostDecimalBytes = 1024;
constexpr int64_t kMostScale = 2000;
constexpr int64_t kMostBits = 64 * 8;

std::optional<std::string> UnHex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

bool TakeDecimal(const Value& value, int64_t scale, Value* out, std::string* memory) {
  if (value.kind != Kind::kString) return false;
  auto bytes = json::ParseBase64(value.text);
  if (!bytes || bytes->empty() || bytes->size() > kMostDecimalBytes ||
      std::abs(scale) > kMostScale) {
    return false;
  }
  *memory = *std::move(bytes);
  out->kind = Kind::kDecimal;
  out->text = *memory;
  out->integer = scale;
  return true;
}

}  // namespace

bool ValueReader::Read(const Reading& reading, const Value& in, Value* out,
                       std::string* memory) {
  *out = in;
  if (in.kind == Kind::kNull) return true;
  switch (reading.kind) {
    case Reading::Kind::kPlain: return true;
    case Reading::Kind::kMillis: return Units(1'000'000, out);
    case Reading::Kind::kMicros: return Units(1'000, out);
    case Reading::Kind::kNanos: return Units(1, out);
    case Reading::Kind::kZoned:
      if (in.kind == Kind::kString && in.text.ends_with('Z')) out->text.remove_suffix(1);
      return true;
    case Reading::Kind::kDecimal:
      // A BIGINT UNSIGNED that was written as a long is a number, too.
      return in.kind != Kind::kString || TakeDecimal(in, reading.arg, out, memory);
    case Reading::Kind::kScaled: return Scaled(out, memory);
    case Reading::Kind::kHex:
    case Reading::Kind::kBits: return Decode(reading, out, memory);
    case Reading::Kind::kWkb: return Wkb(out, memory);
    case Reading::Kind::kFloats: return Floats(out, memory);
  }
  return false;
}

// Text is left to the column: isostring in a declared timestamp.
bool ValueReader::Units(int64_t nanos, Value* value) const {
  if (value->kind == Kind::kString) return true;
  if (value->kind != Kind::kInt) return false;
  if (nanos == 1) {
    const int64_t down = value->integer % 1000 < 0 ? 1 : 0;
    value->integer = value->integer / 1000 - down;
  } else if (__builtin_mul_overflow(value->integer, nanos / 1000, &value->integer)) {
    return false;
  }
  value->kind = Kind::kMicros;
  return true;
}

bool ValueReader::Decode(const Reading& reading, Value* out, std::string* memory) {
  if (out->kind != Kind::kString) return false;
  const bool hex = reading.kind == Reading::Kind::kHex;
  auto bytes = hex ? UnHex(out->text) : json::ParseBase64(out->text);
  if (!bytes) return false;
  *memory = *std::move(bytes);
  if (!hex) {
    if (reading.arg > kMostBits) return false;
    const auto size = static_cast<size_t>((reading.arg + 7) / 8);
    if (memory->size() < size) memory->resize(size);
    std::reverse(memory->begin(), memory->end());
  }
  out->kind = Kind::kBytes;
  out->text = *memory;
  return true;
}

const Value* ValueReader::Find(std::string_view name) const {
  for (const json::Member& member : members_) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

bool ValueReader::Scaled(Value* out, std::string* memory) {
  if (out->kind != Kind::kNested || !reader_.Read(out->text, &members_).ok()) {
    return false;
  }
  const Value* scale = Find("scale");
  const Value* value = Find("value");
  return scale && value && scale->kind == Kind::kInt &&
         TakeDecimal(*value, scale->integer, out, memory);
}

bool ValueReader::Wkb(Value* out, std::string* memory) {
  if (out->kind != Kind::kNested || !reader_.Read(out->text, &members_).ok()) {
    return false;
  }
  const Value* wkb = Find("wkb");
  if (!wkb) return false;
  if (wkb->kind == Kind::kNull) {
    out->kind = Kind::kNull;
    return true;
  }
  auto bytes = wkb->kind == Kind::kString ? json::ParseBase64(wkb->text) : std::nullopt;
  if (!bytes) return false;
  *memory = *std::move(bytes);
  out->kind = Kind::kBytes;
  out->text = *memory;
  return true;
}

bool ValueReader::Floats(Value* out, std::string* memory) {
  if (out->kind != Kind::kNested || !reader_.ReadArray(out->text, &items_).ok()) {
    return false;
  }
  memory->clear();
  for (const Value& item : items_) {
    const auto number = json::ParseDouble(item.text);
    if (!number) return false;
    const auto narrow = static_cast<float>(*number);
    char bytes[sizeof(narrow)];
    std::memcpy(bytes, &narrow, sizeof(narrow));
    memory->append(bytes, sizeof(narrow));
  }
  out->kind = Kind::kBytes;
  out->text = *memory;
  return true;
}

}  // namespace leat::debezium
