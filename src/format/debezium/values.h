// Debezium's values into those that columns take (json/columns.h): times by their unit,
// unscaled decimals, bits, geometries. Owned by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/json/reader.h"

namespace leat::debezium {

// How a field's values stand in the message.
struct Reading {
  enum class Kind : uint8_t {
    kPlain,    // as in any JSON
    kMillis,   // a number of them
    kMicros,   //
    kNanos,    //
    kZoned,    // text that ends in Z: IsoDate, IsoTime
    kDecimal,  // base64 of an unscaled value of scale `arg`
    kScaled,   // VariableScaleDecimal: {"scale":..,"value":..}
    kHex,      //
    kBits,     // base64, the lowest byte first; `arg` bits
    kWkb,      // a geometry: {"wkb":..,"srid":..}
    kFloats,   // an array of numbers, to little-endian 32-bit floats
  };
  Kind kind = Kind::kPlain;
  int64_t arg = 0;
};

class ValueReader {
 public:
  // False where the value is not what `reading` expects. What `out` points to lies in
  // `in` or in `memory`.
  bool Read(const Reading& reading, const json::Value& in, json::Value* out,
            std::string* memory);

 private:
  bool Units(int64_t nanos, json::Value* value) const;
  bool Decode(const Reading& reading, json::Value* out, std::string* memory);
  bool Scaled(json::Value* out, std::string* memory);
  bool Wkb(json::Value* out, std::string* memory);
  bool Floats(json::Value* out, std::string* memory);
  const json::Value* Find(std::string_view name) const;

  json::Reader reader_;
  std::vector<json::Member> members_;
  std::vector<json::Value> items_;
};

}  // namespace leat::debezium
