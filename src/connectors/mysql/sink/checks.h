// What `leat check` proves of a target: version, privileges on leat_commits and on the
// table where the file names one. Connects for the call. Errors: as Client's; what is
// missing is no error but an item.
#pragma once

#include <vector>

#include "connectors/mysql/sink/options.h"
#include "core/registry.h"

namespace leat::mysql {

Result<std::vector<CheckItem>> CheckTarget(const SinkOptions& options,
                                           const Context& context);

}  // namespace leat::mysql
