#include "core/json.h"

namespace leat {

template <typename Json>
Json ParseJson(std::string_view text) {
  return Json::parse(text);
}

template <typename Json>
Json TryParseJson(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

template <typename Json>
std::string DumpJson(const Json& json, int indent) {
  return json.dump(indent);
}

template <typename Json>
std::string DumpJsonLossy(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template nlohmann::json ParseJson(std::string_view);
template nlohmann::json TryParseJson(std::string_view);
template std::string DumpJson(const nlohmann::json&, int);
template std::string DumpJsonLossy(const nlohmann::json&);
template nlohmann::ordered_json ParseJson(std::string_view);
template nlohmann::ordered_json TryParseJson(std::string_view);
template std::string DumpJson(const nlohmann::ordered_json&, int);
template std::string DumpJsonLossy(const nlohmann::ordered_json&);

}  // namespace leat
