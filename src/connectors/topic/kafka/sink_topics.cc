#include "connectors/topic/kafka/sink_topics.h"

#include "core/units.h"

namespace leat::topic::kafka {
namespace {

constexpr int64_t kUsualLimit = 1'048'588;  // the brokers' default

}  // namespace

Result<int64_t> SinkTopics::Limit(const std::string& topic) {
  if (auto known = limits_.find(topic); known != limits_.end()) return known->second;
  Admin admin(client_, kAskTimeout);
  auto config = admin.Describe(topic);
  if (!config.ok()) {
    // Whoever may write need not be allowed to look.
    if (config.status().kind() != ErrorKind::kConfig) return config.status();
    log_.Warn("the topic's settings cannot be read; it is taken to have the usual limit",
              {{"topic", topic}, {"error", config.status().message()}});
    return limits_[topic] = kUsualLimit;
  }
  if (!*config) {
    auto declared = project_.topics.find(topic);
    const TopicSettings& wanted =
        declared == project_.topics.end() ? settings_ : declared->second;
    RETURN_IF_ERROR(
        admin.Create(topic, wanted.partitions, wanted.replication, ConfigOf(wanted)));
    log_.Info("created a topic", {{"topic", topic}, {"partitions", wanted.partitions}});
    ASSIGN_OR_RETURN(*config, admin.Describe(topic));
  }
  std::string text = *config ? (**config)["max.message.bytes"] : std::string();
  return limits_[topic] = ParseInt(text).value_or(kUsualLimit);
}

}  // namespace leat::topic::kafka
