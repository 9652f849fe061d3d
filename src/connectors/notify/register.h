// The notify connector's place in the registry.
#pragma once

namespace leat {

class Registry;

void RegisterNotify(Registry* registry);

}  // namespace leat
