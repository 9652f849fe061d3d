// ProjectTopics: requests about topics (cli/topic_requests.h) to a process that runs a
// project, whatever broker that has. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"
#include "core/project_settings.h"

namespace leat {

class Store;
namespace topic {
class TopicAccess;
}

class ProjectTopics {
 public:
  // Borrows both.
  ProjectTopics(Store& store, Logger& log);
  ~ProjectTopics();

  // kConfig for what there is not; the broker's errors.
  Result<std::string> Answer(const Broker& broker, const std::string& command,
                             std::string_view request);

 private:
  Store& store_;
  Logger& log_;
  std::mutex mutex_;
  Broker broker_;
  std::unique_ptr<topic::TopicAccess> kafka_;  // to broker_; null: none is open
};

}  // namespace leat
