// MariaDB's INET4, INET6 and UUID as their servers print them, from the bytes that the
// log has; and the contents of MariaDB's COMPRESSED columns. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/mysql/values/column.h"

namespace leat::mysql {

// `bytes` lack the zeros at their end, as in the log.
std::string NativeText(Native type, std::string_view bytes);

// Source: MariaDB's Field_longstr::compress. A byte of method and sizes, the original
// length, then zlib's or raw deflate's data; method 0: the bytes themselves.
// False: malformed, or longer than `most`.
bool Uncompress(std::string_view packed, size_t most, std::string* out);

}  // namespace leat::mysql
