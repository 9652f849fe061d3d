// The name under which this machine takes part in groups and transactions, drawn once and
// kept in the pipeline's folder. A lost folder makes a new name: whatever the old one had
// open waits for its time-out. Any thread. Errors: kConfig.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"

namespace leat::topic::kafka {

Result<std::string> InstanceId(const std::filesystem::path& folder);

}  // namespace leat::topic::kafka
