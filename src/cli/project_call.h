// Asking the process that owns a project's data folder, or its store where nobody runs;
// about topics on Kafka, the brokers.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "base/log.h"
#include "cli/shell.h"
#include "runtime/control.h"

namespace leat {

namespace topic {
class TopicAccess;
}

// The answer to a request (runtime/control.h). kConfig for what the other side refused,
// in its words.
Result<nlohmann::ordered_json> AskProject(const ProjectOptions& options,
                                          const nlohmann::ordered_json& request,
                                          const Shell& shell);
// The same of a folder; `more` answers where nobody runs, as CallControl's.
Result<nlohmann::ordered_json> AskOwner(const ProjectSettings& settings,
                                        const nlohmann::ordered_json& request,
                                        const MoreRequests& more);

// The project's broker, for the requests of one command (cli/topic_requests.h). Owned by
// the command, its thread only.
class TopicCalls {
 public:
  static Result<TopicCalls> Open(const ProjectOptions& options, const Shell& shell);
  ~TopicCalls();
  TopicCalls(TopicCalls&&) noexcept;

  // Errors: kConfig for what the broker refused, in its words; those of the connection.
  Result<nlohmann::ordered_json> Ask(const nlohmann::ordered_json& request);

 private:
  TopicCalls() = default;

  ProjectSettings settings_;
  std::unique_ptr<Logger> log_;
  std::unique_ptr<topic::TopicAccess> kafka_;  // null: topics are embedded
};
// One request.
Result<nlohmann::ordered_json> AskTopics(const ProjectOptions& options,
                                         const nlohmann::ordered_json& request,
                                         const Shell& shell);

// "2024-05-01 12:00:00" of milliseconds since 1970 UTC; "-" of 0.
std::string TimeText(int64_t millis);

// Columns of equal width, separated by two spaces.
std::string AsTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace leat
