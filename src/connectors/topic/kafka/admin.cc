#include "connectors/topic/kafka/admin.h"

#include <fmt/format.h>

namespace leat::topic::kafka {
namespace {

struct OptionsDestroy {
  void operator()(rd_kafka_AdminOptions_t* o) const { rd_kafka_AdminOptions_destroy(o); }
};
struct EventDestroy {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
struct QueueDestroy {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, OptionsDestroy>;
using Event = std::unique_ptr<rd_kafka_event_t, EventDestroy>;

// One request: `send` gets options and queue; the answer or its error.
template <typename Send>
Result<Event> Ask(Client& client, rd_kafka_admin_op_t kind, Millis timeout,
                  std::string_view doing, Send send) {
  Options options(rd_kafka_AdminOptions_new(client.handle(), kind));
  char error[256];
  rd_kafka_AdminOptions_set_request_timeout(
      options.get(), static_cast<int>(timeout.count()), error, sizeof error);
  std::unique_ptr<rd_kafka_queue_t, QueueDestroy> queue(
      rd_kafka_queue_new(client.handle()));
  send(options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), static_cast<int>(timeout.count()) + 1000));
  if (!event) {
    return client.Explain(ToStatus(RD_KAFKA_RESP_ERR__TIMED_OUT, doing));
  }
  if (auto code = rd_kafka_event_error(event.get())) {
    return client.Explain(
        ToStatus(code, doing, rd_kafka_event_error_string(event.get())));
  }
  return event;
}

}  // namespace

Result<std::optional<Admin::TopicConfig>> Admin::Describe(const std::string& topic) {
  const std::string doing = "reading the settings of topic " + topic;
  std::unique_ptr<rd_kafka_ConfigResource_t, void (*)(rd_kafka_ConfigResource_t*)>
      resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()),
               rd_kafka_ConfigResource_destroy);
  ASSIGN_OR_RETURN(Event event, Ask(client_, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_,
                                    doing, [&](auto* options, auto* queue) {
                                      rd_kafka_ConfigResource_t* one = resource.get();
                                      rd_kafka_DescribeConfigs(client_.handle(), &one, 1,
                                                               options, queue);
                                    }));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return Status::Bug(doing + ": no answer");
  rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(found[0]);
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    return std::optional<TopicConfig>();
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return ToStatus(code, doing, rd_kafka_ConfigResource_error_string(found[0]));
  }
  const rd_kafka_ConfigEntry_t** entries =
      rd_kafka_ConfigResource_configs(found[0], &count);
  TopicConfig config;
  for (size_t i = 0; i < count; i++) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    config[rd_kafka_ConfigEntry_name(entries[i])] = value ? value : "";
  }
  return std::optional(std::move(config));
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
  ASSIGN_OR_RETURN(Event event, Ask(client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_,
                                    doing, [&](auto* options, auto* queue) {
                                      rd_kafka_NewTopic_t* one = wanted.get();
                                      rd_kafka_CreateTopics(client_.handle(), &one, 1,
                                                            options, queue);
                                    }));
  size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreateTopics_result_topics(
      rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count != 1) return Status::Bug(doing + ": no answer");
  rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
  if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return Status::Ok();
  return ToStatus(code, doing,
                  rd_kafka_topic_result_error_string(results[0])
                      ? rd_kafka_topic_result_error_string(results[0])
                      : "");
}

Result<std::optional<Admin::Offsets>> Admin::GroupOffsets(
    const std::string& group, const std::vector<Partition>& partitions, bool stable) {
  const std::string doing = "reading the offsets of group " + group;
  PartitionList list = ListOf(partitions);
  std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t,
                  void (*)(rd_kafka_ListConsumerGroupOffsets_t*)>
      wanted(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list.get()),
             rd_kafka_ListConsumerGroupOffsets_destroy);
  ASSIGN_OR_RETURN(
      Event event,
      Ask(client_, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout_, doing,
          [&](auto* options, auto* queue) {
            if (stable) {
              rd_kafka_error_t* bad =
                  rd_kafka_AdminOptions_set_require_stable_offsets(options, 1);
              if (bad) rd_kafka_error_destroy(bad);
            }
            rd_kafka_ListConsumerGroupOffsets_t* one = wanted.get();
            rd_kafka_ListConsumerGroupOffsets(client_.handle(), &one, 1, options, queue);
          }));
  size_t count = 0;
  const rd_kafka_group_result_t** groups =
      rd_kafka_ListConsumerGroupOffsets_result_groups(
          rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return Status::Bug(doing + ": no answer");
  constexpr auto kUnstable = RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
  if (const rd_kafka_error_t* error = rd_kafka_group_result_error(groups[0])) {
    if (rd_kafka_error_code(error) == kUnstable) return std::optional<Offsets>();
    return client_.Explain(
        ToStatus(rd_kafka_error_code(error), doing, rd_kafka_error_string(error)));
  }
  const rd_kafka_topic_partition_list_t* found =
      rd_kafka_group_result_partitions(groups[0]);
  Offsets offsets;
  for (int i = 0; i < found->cnt; i++) {
    const rd_kafka_topic_partition_t& p = found->elems[i];
    if (p.err == kUnstable) return std::optional<Offsets>();
    if (p.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return ToStatus(p.err, fmt::format("{} of {}[{}]", doing, p.topic, p.partition));
    }
    if (p.offset < 0) continue;
    offsets[{p.topic, p.partition}] = {
        p.offset, std::string(static_cast<const char*>(p.metadata), p.metadata_size)};
  }
  return std::optional(std::move(offsets));
}

Result<std::optional<std::set<Partition>>> Admin::Dealt(const std::string& group) {
  const std::string doing = "looking at the members of group " + group;
  ASSIGN_OR_RETURN(Event event, Ask(client_, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
                                    timeout_, doing, [&](auto* options, auto* queue) {
                                      const char* one = group.c_str();
                                      rd_kafka_DescribeConsumerGroups(
                                          client_.handle(), &one, 1, options, queue);
                                    }));
  size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** groups =
      rd_kafka_DescribeConsumerGroups_result_groups(
          rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  if (count != 1) return Status::Bug(doing + ": no answer");
  if (const rd_kafka_error_t* error =
          rd_kafka_ConsumerGroupDescription_error(groups[0])) {
    return client_.Explain(
        ToStatus(rd_kafka_error_code(error), doing, rd_kafka_error_string(error)));
  }
  if (rd_kafka_ConsumerGroupDescription_state(groups[0]) !=
      RD_KAFKA_CONSUMER_GROUP_STATE_STABLE) {
    return std::optional<std::set<Partition>>();
  }
  std::set<Partition> dealt;
  const size_t members = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
  for (size_t i = 0; i < members; i++) {
    const rd_kafka_MemberAssignment_t* assignment = rd_kafka_MemberDescription_assignment(
        rd_kafka_ConsumerGroupDescription_member(groups[0], i));
    const rd_kafka_topic_partition_list_t* list =
        assignment ? rd_kafka_MemberAssignment_partitions(assignment) : nullptr;
    for (int p = 0; list && p < list->cnt; p++) {
      dealt.insert({list->elems[p].topic, list->elems[p].partition});
    }
  }
  return std::optional(std::move(dealt));
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

}  // namespace leat::topic::kafka
