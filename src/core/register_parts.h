// Defined by the build: registers every connector and step it found.
#pragma once

#include "core/registry.h"

namespace leat {

void RegisterParts(Registry* registry);

}  // namespace leat
