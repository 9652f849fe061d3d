// What a Config holds for a field; shared by config.cc, which answers, and
// config_reader.cc, which reads.
#pragma once

#include <variant>

#include "core/config.h"

namespace leat {

struct Config::Value {
  Place place;
  bool given = false;  // the file has it; else it is the default
  // kPart: its name here, its mapping in `data`.
  std::string part;
  // kInt, kDuration (microseconds) and kBytes are the integer.
  std::variant<std::string, int64_t, bool, std::vector<std::string>,
               std::map<std::string, std::string>, Config, std::map<std::string, Config>,
               std::vector<Config>>
      data;
  FieldType type = FieldType::kString;
};

}  // namespace leat
