// The stdout connector's place in the registry.
#pragma once

namespace leat {

class Registry;

void RegisterStdout(Registry* registry);

}  // namespace leat
