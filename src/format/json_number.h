// Whole numbers out of JSON of unknown origin: nlohmann's own conversion of a number with
// a fraction or an exponent is undefined where it does not fit. Throws nlohmann's
// type_error for what is no whole number, like its accessors.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace leat {

template <typename T = int64_t>
T JsonNumber(const nlohmann::json& json) {
  const bool fits =
      json.is_number_unsigned()
          ? json.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max())
          : json.is_number_integer() &&
                json.get<int64_t>() >= std::numeric_limits<T>::min() &&
                json.get<int64_t>() <= std::numeric_limits<T>::max();
  if (fits) return json.get<T>();
  throw nlohmann::json::type_error::create(302, "a number was expected", nullptr);
}

// The member of that name, or `fallback` where there is none or null.
template <typename T = int64_t>
T JsonNumber(const nlohmann::json& json, const std::string& name, T fallback) {
  auto found = json.find(name);
  return found == json.end() || found->is_null() ? fallback : JsonNumber<T>(*found);
}

}  // namespace leat
