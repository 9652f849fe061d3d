// A Spec as JSON Schema (draft 2020-12), for editors that check and complete YAML files.
#pragma once

#include <string>

#include "core/spec.h"

namespace leat {

// Numbers, booleans and choices may also be strings with a ${variable} in them.
std::string JsonSchema(const Spec& spec);

}  // namespace leat
