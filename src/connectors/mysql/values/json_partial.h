// The differences with which PARTIAL_UPDATE_ROWS events (binlog_row_value_options=
// PARTIAL_JSON) replace JSON values: applied to the value before, they give the text of
// the one after.
// Source: MySQL's Json_diff_vector::read_binary and apply_json_diffs. Pure functions;
// bytes may be hostile.
#pragma once

#include <string>
#include <string_view>

namespace leat::mysql {

// `before` is the binary JSON of the before image, `diffs` the bytes of the after image's
// value. Appends the text of the result. False: malformed, or they do not fit each other.
bool AppendPatchedJson(std::string_view before, std::string_view diffs, std::string* out);

}  // namespace leat::mysql
