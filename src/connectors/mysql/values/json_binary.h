// MySQL's binary JSON as the text that the server prints for it, byte for byte.
// Source: MySQL's sql-common/json_binary.h (the format, in its header comment) and
// json_dom.cc (the text). MariaDB keeps JSON as text and needs none of this. Pure
// functions; bytes may be hostile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leat::mysql {

// Kinds of a value, as the format numbers them.
enum class JsonKind : uint8_t {
  kSmallObject = 0,
  kLargeObject = 1,
  kSmallArray = 2,
  kLargeArray = 3,
  kLiteral = 4,
  kInt16 = 5,
  kUint16 = 6,
  kInt32 = 7,
  kUint32 = 8,
  kInt64 = 9,
  kUint64 = 10,
  kDouble = 11,
  kString = 12,
  kOpaque = 15,
};

// Deeper documents the server refuses.
constexpr int kMostJsonDepth = 100;

// More text than this no document of `bytes` becomes: what stops one whose offsets all
// point to the same value.
constexpr size_t MostJsonText(size_t bytes) { return 4096 + 32 * bytes; }

// One value: its kind and the bytes from its start on (they may run on behind it).
struct JsonValue {
  JsonKind kind = JsonKind::kLiteral;
  std::string_view data;

  bool container() const { return kind <= JsonKind::kLargeArray; }
  bool object() const { return kind <= JsonKind::kLargeObject; }
  bool large() const {
    return kind == JsonKind::kLargeObject || kind == JsonKind::kLargeArray;
  }
};

// The members of an object or array. False from any of these: malformed.
class JsonContainer {
 public:
  bool Open(const JsonValue& value);
  uint32_t size() const { return count_; }
  bool Key(uint32_t i, std::string_view* key) const;  // objects only
  bool Member(uint32_t i, JsonValue* member) const;

 private:
  uint64_t Offset(size_t at) const;

  JsonValue value_;
  uint32_t count_ = 0;
  size_t width_ = 2;  // of counts and offsets
  size_t entries_ = 0;
};

// A whole document: a byte of kind, then the value. Empty bytes are the document null.
bool OpenJson(std::string_view document, JsonValue* value);

// Appends a value that is no container.
bool AppendJsonScalar(const JsonValue& value, std::string* out);
// Appends a string in quotes, escaped.
void AppendJsonString(std::string_view text, std::string* out);

// Appends the document's text. False: malformed; `out` then holds some of it.
bool AppendJsonText(std::string_view document, std::string* out);

}  // namespace leat::mysql
