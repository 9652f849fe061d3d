// The MySQL and MariaDB connector.
#pragma once

#include "core/registry.h"

namespace leat {

void RegisterMysql(Registry* registry);

}  // namespace leat
