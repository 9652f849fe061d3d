// The discard connector's place in the registry.
#pragma once

namespace leat {

class Registry;

void RegisterDiscard(Registry* registry);

}  // namespace leat
