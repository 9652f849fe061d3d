#include "cli/project_topics.h"

#include "cli/topic_requests.h"
#include "connectors/topic/access.h"
#include "connectors/topic/kafka/kafka.h"
#include "core/json.h"

namespace leat {

ProjectTopics::ProjectTopics(Store& store, Logger& log) : store_(store), log_(log) {}
ProjectTopics::~ProjectTopics() = default;

Result<std::string> ProjectTopics::Answer(const Broker& broker,
                                          const std::string& command,
                                          std::string_view request) {
  if (broker.embedded()) return AnswerEmbeddedTopics(store_, command, request);
  std::lock_guard lock(mutex_);
  if (!kafka_ || broker_ != broker) {
    ASSIGN_OR_RETURN(kafka_, topic::kafka::MakeAccess(broker, log_));
    broker_ = broker;
  }
  ASSIGN_OR_RETURN(const auto answer,
                   AnswerTopics(*kafka_, ParseJson<nlohmann::ordered_json>(request)));
  return DumpJsonLossy(answer);
}

}  // namespace leat
