// The Iceberg connector's place in the registry.
#pragma once

namespace leat {

class Registry;

void RegisterIceberg(Registry* registry);

}  // namespace leat
