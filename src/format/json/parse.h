// Text of JSON values into numbers, dates, times, bytes. Any thread; nothing where the
// text is not one.
#pragma once

#include <arrow/util/decimal.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leat::json {

std::optional<int64_t> ParseInt(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);
// Rounded half away from zero to `scale`; nothing, too, where it has more digits than
// `precision`.
std::optional<arrow::Decimal128> ParseDecimal(std::string_view text, int32_t precision,
                                              int32_t scale);
// 2024-01-02, as days since 1970.
std::optional<int32_t> ParseDate(std::string_view text);
// [-]hh:mm:ss[.ffffff], as microseconds.
std::optional<int64_t> ParseTime(std::string_view text);
// 2024-01-02T10:11:12[.ffffff][Z|+hh:mm], a blank for the T as well, as microseconds
// since 1970; without a zone UTC is meant.
std::optional<int64_t> ParseTimestamp(std::string_view text);
std::optional<std::string> ParseBase64(std::string_view text);

}  // namespace leat::json
