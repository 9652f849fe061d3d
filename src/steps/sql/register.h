// The step `sql`'s place in the registry.
#pragma once

namespace leat {

class Registry;

void RegisterSql(Registry* registry);

}  // namespace leat
