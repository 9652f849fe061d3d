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

namespace leat::mysql {

using Int128 = __int128;

int DecimalBytes(int precision, int scale);

// precision <= 38. `p` has DecimalBytes. False: the bytes are no decimal.
bool ReadDecimal(const uint8_t* p, int precision, int scale, Int128* value);

// Any precision; appends the text as the server prints it ("-0.50"). False: the bytes are
// no decimal.
bool AppendDecimalText(const uint8_t* p, int precision, int scale, std::string* out);

// "-12.30" with at most `scale` digits after the point. False: not such a number.
bool ParseDecimal(std::string_view text, int scale, Int128* value);

}  // namespace leat::mysql
