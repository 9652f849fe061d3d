// Asking the process that owns a project's data folder, or its store where nobody runs.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/shell.h"
#include "runtime/control.h"

namespace leat {

// The answer to a request (runtime/control.h, cli/topic_requests.h). kConfig for what the
// other side refused, in its words.
Result<nlohmann::ordered_json> AskProject(const ProjectOptions& options,
                                          const nlohmann::ordered_json& request,
                                          const Shell& shell);
// The same of a folder; `more` answers where nobody runs, as CallControl's.
Result<nlohmann::ordered_json> AskOwner(const ProjectSettings& settings,
                                        const nlohmann::ordered_json& request,
                                        const MoreRequests& more);
// The same about topics. kConfig where the project's topics are on Kafka.
Result<nlohmann::ordered_json> AskTopics(const ProjectOptions& options,
                                         const nlohmann::ordered_json& request,
                                         const Shell& shell);

// "2024-05-01 12:00:00" of milliseconds since 1970 UTC; "-" of 0.
std::string TimeText(int64_t millis);

// Columns of equal width, separated by two spaces.
std::string AsTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace leat
