#include "connectors/mysql/register.h"

namespace leat {

void RegisterMysql(Registry* registry) {}

}  // namespace leat
