// Times and decimals on their way to a server: the inverse of values/temporal.h and
// values/decimal.h. Pure functions.
#pragma once

#include <arrow/util/decimal.h>

#include <optional>
#include <string>
#include <string_view>

#include "connectors/mysql/values/temporal.h"

namespace leat::mysql {

// The parts of microseconds since 1970; nothing outside the years 0 to 9999.
std::optional<DateTime> SplitMicros(int64_t micros);

// "2024-02-29 12:00:00.500000", without a fraction that is zero.
std::string FormatDateTime(int64_t micros);

// Microseconds since 1970 of "2024-02-29", "2024-02-29T12:00:00.5Z", "2024-02-29
// 12:00:00+01:00"; without an offset the time is UTC. Nothing for any other text, and for
// digits beyond microseconds.
std::optional<int64_t> ParseIsoTime(std::string_view text);

// The text of a decimal, made in place.
class DecimalText {
 public:
  DecimalText(const uint8_t* little_endian, int scale);

  std::string_view view() const { return {begin_, size_}; }
  // Removes a fraction of zeros; false when it has other digits.
  bool DropZeros();

 private:
  static constexpr size_t kMost = 96;
  char text_[kMost];
  const char* begin_ = text_;
  size_t size_ = 0;
};

}  // namespace leat::mysql
