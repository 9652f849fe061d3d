// Decimals as text, as doubles and as the unscaled bytes of Kafka Connect's Decimal. Each
// function writes at `out` and answers the end; 64 bytes of room are enough, or twice the
// digits where they come as text. Reading allocates. Any thread; nothing fails.
#pragma once

#include <arrow/util/decimal.h>

#include <optional>
#include <string>
#include <string_view>

namespace leat::json {

// -12.50
char* WriteDecimalText(const arrow::Decimal128& value, int32_t scale, char* out);
// The nearest double, as Double.toString writes it.
char* WriteDecimalDouble(const arrow::Decimal128& value, int32_t scale, char* out);
char* WriteDigitsAsDouble(std::string_view digits, char* out);
// The unscaled value as the shortest big-endian two's complement, in base64.
char* WriteUnscaled(const arrow::Decimal128& value, char* out);
// The same of "-123.45", however many digits.
char* WriteUnscaledDigits(std::string_view digits, char* out);

// The shortest bytes themselves.
std::string UnscaledBytes(const arrow::Decimal128& value);
// The unscaled value back, of bytes that are not in base64; nothing beyond 128 bits.
std::optional<arrow::Decimal128> ReadUnscaled(std::string_view bytes);
// -12.50 of any number of bytes; a negative scale puts zeros behind.
std::string UnscaledDigits(std::string_view bytes, int32_t scale);

}  // namespace leat::json
