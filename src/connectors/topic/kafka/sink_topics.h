// SinkTopics: the topics a sink writes to: created where they are missing, with the size
// of a record that each takes. Owned by one sink, its thread only. Errors: as the
// client's.
#pragma once

#include <map>
#include <string>

#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/client.h"
#include "core/project_settings.h"

namespace leat::topic::kafka {

class SinkTopics {
 public:
  // What is created is as the project declares it, else as the sink does.
  SinkTopics(Client& client, const ProjectSettings& project, TopicSettings settings,
             Logger& log)
      : client_(client), project_(project), settings_(std::move(settings)), log_(log) {}

  // The most bytes that a batch of records of the topic may have, and so a record.
  Result<int64_t> Limit(const std::string& topic);

 private:
  Client& client_;
  const ProjectSettings& project_;
  const TopicSettings settings_;
  Logger& log_;
  std::map<std::string, int64_t> limits_;
};

}  // namespace leat::topic::kafka
