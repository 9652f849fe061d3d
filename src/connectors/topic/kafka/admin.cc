#include "connectors/topic/kafka/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "connectors/topic/kafka/admin_request.h"
#include "core/units.h"

namespace leat::topic::kafka {
namespace {

Result<AdminEvent> AskConfigs(Client& client, const std::vector<std::string>& topics,
                              Millis timeout, std::string_view doing) {
  std::vector<rd_kafka_ConfigResource_t*> wanted;
  for (const std::string& topic : topics) {
    wanted.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  }
  auto answer = AskAdmin(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout, doing,
                         [&](auto* options, auto* queue) {
                           rd_kafka_DescribeConfigs(client.handle(), wanted.data(),
                                                    wanted.size(), options, queue);
                         });
  rd_kafka_ConfigResource_destroy_array(wanted.data(), wanted.size());
  return answer;
}

std::span<const rd_kafka_ConfigResource_t*> ConfigsIn(const AdminEvent& event) {
  size_t count = 0;
  const rd_kafka_ConfigResource_t** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  return {found, count};
}

Admin::TopicConfig ConfigFrom(const rd_kafka_ConfigResource_t* resource) {
  size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries =
      rd_kafka_ConfigResource_configs(resource, &count);
  Admin::TopicConfig config;
  for (size_t i = 0; i < count; i++) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    config[rd_kafka_ConfigEntry_name(entries[i])] = value ? value : "";
  }
  return config;
}

// Of a request about one topic.
Status TopicResult(const rd_kafka_topic_result_t** results, size_t count,
                   std::string_view doing) {
  if (count != 1) return Status::Bug(fmt::format("{}: no answer", doing));
  const char* text = rd_kafka_topic_result_error_string(results[0]);
  return ToStatus(rd_kafka_topic_result_error(results[0]), doing, text ? text : "");
}

}  // namespace

Result<std::optional<Admin::TopicConfig>> Admin::Describe(const std::string& topic) {
  const std::string doing = "reading the settings of topic " + topic;
  ASSIGN_OR_RETURN(AdminEvent event, AskConfigs(client_, {topic}, timeout_, doing));
  const auto found = ConfigsIn(event);
  if (found.size() != 1) return Status::Bug(doing + ": no answer");
  rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(found[0]);
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    return std::optional<TopicConfig>();
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return ToStatus(code, doing, rd_kafka_ConfigResource_error_string(found[0]));
  }
  return std::optional(ConfigFrom(found[0]));
}

Result<std::map<std::string, Admin::TopicConfig>> Admin::Describe(
    const std::vector<std::string>& topics) {
  std::map<std::string, TopicConfig> configs;
  if (topics.empty()) return configs;
  ASSIGN_OR_RETURN(AdminEvent event, AskConfigs(client_, topics, timeout_,
                                                "reading the settings of topics"));
  for (const rd_kafka_ConfigResource_t* found : ConfigsIn(event)) {
    if (rd_kafka_ConfigResource_error(found) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    configs[rd_kafka_ConfigResource_name(found)] = ConfigFrom(found);
  }
  return configs;
}

Status Admin::Create(const std::string& topic, int partitions, int replication,
                     const TopicConfig& config) {
  const std::string doing = "creating topic " + topic;
  char error[256];
  std::unique_ptr<rd_kafka_NewTopic_t, void (*)(rd_kafka_NewTopic_t*)> wanted(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, replication > 0 ? replication : -1,
                            error, sizeof error),
      rd_kafka_NewTopic_destroy);
  if (!wanted) return Status::Config(doing + ": " + error);
  for (const auto& [name, value] : config) {
    rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  }
  ASSIGN_OR_RETURN(AdminEvent event,
                   AskAdmin(client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_, doing,
                            [&](auto* options, auto* queue) {
                              rd_kafka_NewTopic_t* one = wanted.get();
                              rd_kafka_CreateTopics(client_.handle(), &one, 1, options,
                                                    queue);
                            }));
  size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreateTopics_result_topics(
      rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count == 1 &&
      rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    return Status::Ok();
  }
  return TopicResult(results, count, doing);
}

Status Admin::Delete(const std::string& topic) {
  const std::string doing = "deleting topic " + topic;
  std::unique_ptr<rd_kafka_DeleteTopic_t, void (*)(rd_kafka_DeleteTopic_t*)> wanted(
      rd_kafka_DeleteTopic_new(topic.c_str()), rd_kafka_DeleteTopic_destroy);
  ASSIGN_OR_RETURN(AdminEvent event,
                   AskAdmin(client_, RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout_, doing,
                            [&](auto* options, auto* queue) {
                              rd_kafka_DeleteTopic_t* one = wanted.get();
                              rd_kafka_DeleteTopics(client_.handle(), &one, 1, options,
                                                    queue);
                            }));
  size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_DeleteTopics_result_topics(
      rd_kafka_event_DeleteTopics_result(event.get()), &count);
  return TopicResult(results, count, doing);
}

Status Admin::DeleteRecords(const std::map<Partition, int64_t>& before) {
  PartitionList list = ListOf(before);
  std::unique_ptr<rd_kafka_DeleteRecords_t, void (*)(rd_kafka_DeleteRecords_t*)> wanted(
      rd_kafka_DeleteRecords_new(list.get()), rd_kafka_DeleteRecords_destroy);
  constexpr std::string_view kDoing = "deleting records";
  ASSIGN_OR_RETURN(AdminEvent event,
                   AskAdmin(client_, RD_KAFKA_ADMIN_OP_DELETERECORDS, timeout_, kDoing,
                            [&](auto* options, auto* queue) {
                              rd_kafka_DeleteRecords_t* one = wanted.get();
                              rd_kafka_DeleteRecords(client_.handle(), &one, 1, options,
                                                     queue);
                            }));
  const rd_kafka_topic_partition_list_t* done = rd_kafka_DeleteRecords_result_offsets(
      rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < done->cnt; i++) {
    const rd_kafka_topic_partition_t& p = done->elems[i];
    RETURN_IF_ERROR(
        ToStatus(p.err, fmt::format("{} of {}[{}]", kDoing, p.topic, p.partition)));
  }
  return Status::Ok();
}

Admin::TopicConfig ConfigOf(const TopicSettings& settings) {
  Admin::TopicConfig config = settings.config;
  if (settings.compact) config["cleanup.policy"] = "compact";
  config["retention.ms"] = settings.retention.count() > 0
                               ? std::to_string(settings.retention.count() / 1000)
                               : "-1";
  if (settings.retention_bytes > 0) {
    config["retention.bytes"] = std::to_string(settings.retention_bytes);
  }
  return config;
}

TopicSettings SettingsOf(const Admin::TopicConfig& config) {
  auto value = [&](const char* name) {
    auto found = config.find(name);
    return found == config.end() ? std::string() : found->second;
  };
  TopicSettings settings;
  const std::string policy = value("cleanup.policy");
  settings.compact = policy.find("compact") != std::string::npos;
  if (policy.find("delete") == std::string::npos) return settings;  // kept for ever
  const int64_t millis = ParseInt(value("retention.ms")).value_or(0);
  settings.retention = Micros(std::max<int64_t>(millis, 0) * 1000);
  settings.retention_bytes =
      std::max<int64_t>(ParseInt(value("retention.bytes")).value_or(0), 0);
  return settings;
}

}  // namespace leat::topic::kafka
