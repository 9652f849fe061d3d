// Reads one JSON object (RFC 8259) into its members, in one pass. What is nested is
// checked and stays text, to be read in its turn. Owned by one thread; what Read answers
// points into the input and the reader, and is valid until the next Read.
//
// Our own, because Arrow's libparquet exports a simdjson of another version, which
// another in one process gets mixed up with. A machine word at a time is fast enough for
// text of short values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace leat::json {

struct Value {
  enum class Kind : uint8_t {
    kNull,
    kBool,
    kInt,
    kUint,
    kReal,
    kString,
    kNested,
    // In no JSON text; formats whose values have more types give them.
    kMicros,   // `integer`: microseconds since 1970, or of a time
    kBytes,    // `text`: as they are
    kDecimal,  // `text`: unscaled, big-endian two's complement; `integer`: its scale
  };

  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;    // kInt
  uint64_t natural = 0;   // kUint: above the largest int64
  double real = 0;        // kReal; also whole numbers beyond 64 bits; may be infinite
  std::string_view text;  // of numbers and kNested as written; kString unescaped
};

struct Member {
  std::string_view name;
  Value value;
};

class Reader {
 public:
  // kData: not UTF-8, not JSON, or not an object.
  Status Read(std::string_view json, std::vector<Member>* members);
  // The same of an array's values.
  Status ReadArray(std::string_view json, std::vector<Value>* values);

 private:
  Status Start(std::string_view json);
  Status End();
  bool One(Value* value);
  bool String(std::string_view* text);
  bool Unescape(std::string_view* text, const char* start);
  bool Escape();
  bool Hex(uint32_t* unit);
  bool Number(Value* value);
  bool Literal(std::string_view word);
  bool Nested(int depth);
  bool Skip(int depth);
  void Blanks();
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    at_++;
    return true;
  }
  Status Wrong() const;

  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::string unescaped_;  // never longer than the input, so it never moves
};

}  // namespace leat::json
