// The topic connector's place in the registry.
#pragma once

namespace leat {

class Registry;

void RegisterTopic(Registry* registry);

}  // namespace leat
