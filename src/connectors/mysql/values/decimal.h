// DECIMAL values: the servers' packed form, the text form, and 128-bit integers scaled by
// the column's scale. Pure functions.
// Source of the packed form: decimal.cc (bin2decimal) of MySQL: groups of nine digits in
// four bytes, the leftovers in as few as hold them, sign in the first bit, negative
// values inverted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/mysql/values/temporal.h"

namespace leat::mysql {

using Int128 = __int128;

int DecimalBytes(int precision, int scale);

// Reads values of one DECIMAL column with a precision of at most 38.
class DecimalReader {
 public:
  DecimalReader() = default;
  DecimalReader(int precision, int scale);

  // `p` has DecimalBytes. False: the bytes are no decimal.
  bool Read(const uint8_t* p, Int128* value) const {
    return small_ ? ReadAs<int64_t, uint64_t>(p, value)
                  : ReadAs<Int128, unsigned __int128>(p, value);
  }

 private:
  struct Group {
    uint8_t bytes;
    uint32_t power;  // ten to its digits
  };
  static constexpr int kMostGroups = 7;

  template <typename Signed, typename Unsigned>
  bool ReadAs(const uint8_t* p, Int128* value) const {
    const bool negative = !(p[0] & 0x80);
    const uint32_t flip = negative ? UINT32_MAX : 0;
    uint32_t sign = 0x80;  // stands in the first byte alone
    Unsigned all = 0;
    bool ok = true;
    for (int i = 0; i < count_; i++) {
      const Group g = groups_[i];
      auto group = static_cast<uint32_t>(BigEndian(p, g.bytes));
      group ^= sign << 8 * (g.bytes - 1);
      group = (group ^ flip) & UINT32_MAX >> (32 - 8 * g.bytes);
      sign = 0;
      p += g.bytes;
      ok &= group < g.power;
      all = all * g.power + group;
    }
    *value = static_cast<Signed>(negative ? -all : all);
    return ok;
  }

  bool small_ = true;  // fits 64 bits
  int8_t count_ = 0;
  Group groups_[kMostGroups] = {};
};

// Any precision; appends the text as the server prints it ("-0.50"). False: the bytes are
// no decimal.
bool AppendDecimalText(const uint8_t* p, int precision, int scale, std::string* out);

// "-12.30" with at most `scale` digits after the point. False: not such a number.
bool ParseDecimal(std::string_view text, int scale, Int128* value);

}  // namespace leat::mysql
