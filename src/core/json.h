// JSON documents are nlohmann's. Their text is read and written here, once for both kinds
// (nlohmann::json, whose objects are sorted, and ordered_json): a file that instantiates
// that itself takes seven seconds longer to compile. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace leat {

// Throws what Json::parse throws.
template <typename Json>
Json ParseJson(std::string_view text);
// Json::is_discarded where the text is not JSON.
template <typename Json>
Json TryParseJson(std::string_view text);

// Throws where a string in it is not UTF-8. With `indent` below 0 in one line.
template <typename Json>
std::string DumpJson(const Json& json, int indent = -1);
// Replaces what is not UTF-8.
template <typename Json>
std::string DumpJsonLossy(const Json& json);

}  // namespace leat
