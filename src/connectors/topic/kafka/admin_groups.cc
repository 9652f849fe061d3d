#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/admin_request.h"

namespace leat::topic::kafka {
namespace {

// What the brokers refuse while somebody reads as the group.
bool HasMembers(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP ||
         code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

Status Refused(const std::string& group, rd_kafka_resp_err_t code,
               std::string_view doing) {
  if (HasMembers(code)) {
    return Status::Config(fmt::format(
        "{}: it has members, and the broker lets nobody else touch it; stop the "
        "pipelines that read as group {}, and try again (a process that was killed is "
        "gone after session.timeout.ms) ({})",
        doing, group, rd_kafka_err2name(code)));
  }
  if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
    return Status::Config(
        fmt::format("there is no group \"{}\"; leat offsets lists them", group));
  }
  return ToStatus(code, doing);
}

// Of a request about one group.
Status GroupResult(const rd_kafka_group_result_t** results, size_t count,
                   const std::string& group, std::string_view doing) {
  if (count != 1) return Status::Bug(fmt::format("{}: no answer", doing));
  const rd_kafka_error_t* error = rd_kafka_group_result_error(results[0]);
  if (error) return Refused(group, rd_kafka_error_code(error), doing);
  const rd_kafka_topic_partition_list_t* partitions =
      rd_kafka_group_result_partitions(results[0]);
  for (int i = 0; partitions && i < partitions->cnt; i++) {
    RETURN_IF_ERROR(Refused(group, partitions->elems[i].err, doing));
  }
  return Status::Ok();
}

std::string MemberName(const rd_kafka_MemberDescription_t* member) {
  const char* instance = rd_kafka_MemberDescription_group_instance_id(member);
  std::string_view host = rd_kafka_MemberDescription_host(member);
  if (host.starts_with('/')) host.remove_prefix(1);
  return fmt::format(
      "{}@{}", instance ? instance : rd_kafka_MemberDescription_client_id(member), host);
}

void AddReaders(const rd_kafka_ConsumerGroupDescription_t* group,
                Admin::Readers* readers) {
  const std::string name = rd_kafka_ConsumerGroupDescription_group_id(group);
  const size_t members = rd_kafka_ConsumerGroupDescription_member_count(group);
  for (size_t i = 0; i < members; i++) {
    const auto* member = rd_kafka_ConsumerGroupDescription_member(group, i);
    const auto* assignment = rd_kafka_MemberDescription_assignment(member);
    if (!assignment) continue;
    const auto* list = rd_kafka_MemberAssignment_partitions(assignment);
    for (int p = 0; list && p < list->cnt; p++) {
      const rd_kafka_topic_partition_t& one = list->elems[p];
      (*readers)[{name, {one.topic, one.partition}}] = MemberName(member);
    }
  }
}

Result<AdminEvent> DescribeGroups(Client& client, Millis timeout,
                                  const std::vector<std::string>& groups,
                                  std::string_view doing) {
  std::vector<const char*> names;
  for (const std::string& group : groups) names.push_back(group.c_str());
  return AskAdmin(client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout, doing,
                  [&](auto* options, auto* queue) {
                    rd_kafka_DescribeConsumerGroups(client.handle(), names.data(),
                                                    names.size(), options, queue);
                  });
}

std::span<const rd_kafka_ConsumerGroupDescription_t*> Described(const AdminEvent& event) {
  size_t count = 0;
  const auto** groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  return {groups, count};
}

}  // namespace

Result<std::vector<std::string>> Admin::Groups() {
  constexpr std::string_view kDoing = "listing the groups";
  ASSIGN_OR_RETURN(AdminEvent event,
                   AskAdmin(client_, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeout_,
                            kDoing, [&](auto* options, auto* queue) {
                              rd_kafka_ListConsumerGroups(client_.handle(), options,
                                                          queue);
                            }));
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
  size_t count = 0;
  // Each broker knows some of them: a list with gaps would mislead.
  const rd_kafka_error_t** errors =
      rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) {
    return client_.Explain(ToStatus(rd_kafka_error_code(errors[0]), kDoing,
                                    rd_kafka_error_string(errors[0])));
  }
  const auto* found = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<std::string> groups;
  for (size_t i = 0; i < count; i++) {
    groups.emplace_back(rd_kafka_ConsumerGroupListing_group_id(found[i]));
  }
  std::ranges::sort(groups);
  return groups;
}

Result<std::optional<Admin::Offsets>> Admin::GroupOffsets(
    const std::string& group, const rd_kafka_topic_partition_list_t* of, bool stable) {
  const std::string doing = "reading the offsets of group " + group;
  std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t,
                  void (*)(rd_kafka_ListConsumerGroupOffsets_t*)>
      wanted(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), of),
             rd_kafka_ListConsumerGroupOffsets_destroy);
  ASSIGN_OR_RETURN(AdminEvent event,
                   AskAdmin(client_, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout_,
                            doing, [&](auto* options, auto* queue) {
                              if (stable) {
                                rd_kafka_error_t* bad =
                                    rd_kafka_AdminOptions_set_require_stable_offsets(
                                        options, 1);
                                if (bad) rd_kafka_error_destroy(bad);
                              }
                              rd_kafka_ListConsumerGroupOffsets_t* one = wanted.get();
                              rd_kafka_ListConsumerGroupOffsets(client_.handle(), &one, 1,
                                                                options, queue);
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

Result<std::optional<Admin::Offsets>> Admin::GroupOffsets(
    const std::string& group, const std::vector<Partition>& partitions, bool stable) {
  return GroupOffsets(group, ListOf(partitions).get(), stable);
}

Result<Admin::Offsets> Admin::GroupOffsets(const std::string& group) {
  ASSIGN_OR_RETURN(auto offsets, GroupOffsets(group, nullptr, /*stable=*/false));
  return offsets ? *std::move(offsets) : Offsets();
}

Result<std::optional<std::set<Partition>>> Admin::Dealt(const std::string& group) {
  const std::string doing = "looking at the members of group " + group;
  ASSIGN_OR_RETURN(AdminEvent event, DescribeGroups(client_, timeout_, {group}, doing));
  const auto found = Described(event);
  if (found.size() != 1) return Status::Bug(doing + ": no answer");
  if (const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(found[0])) {
    return client_.Explain(
        ToStatus(rd_kafka_error_code(error), doing, rd_kafka_error_string(error)));
  }
  if (rd_kafka_ConsumerGroupDescription_state(found[0]) !=
      RD_KAFKA_CONSUMER_GROUP_STATE_STABLE) {
    return std::optional<std::set<Partition>>();
  }
  Readers readers;
  AddReaders(found[0], &readers);
  std::set<Partition> dealt;
  for (const auto& [read, member] : readers) dealt.insert(read.second);
  return std::optional(std::move(dealt));
}

Result<Admin::Readers> Admin::ReadersOf(const std::vector<std::string>& groups) {
  Readers readers;
  if (groups.empty()) return readers;
  ASSIGN_OR_RETURN(AdminEvent event, DescribeGroups(client_, timeout_, groups,
                                                    "looking for the members of groups"));
  // One that cannot be described has no readers that we know of.
  for (const rd_kafka_ConsumerGroupDescription_t* group : Described(event)) {
    if (!rd_kafka_ConsumerGroupDescription_error(group)) AddReaders(group, &readers);
  }
  return readers;
}

Status Admin::SetOffsets(const std::string& group,
                         const std::map<Partition, int64_t>& offsets) {
  const std::string doing = "setting the offsets of group " + group;
  PartitionList list = ListOf(offsets);
  std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t,
                  void (*)(rd_kafka_AlterConsumerGroupOffsets_t*)>
      wanted(rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()),
             rd_kafka_AlterConsumerGroupOffsets_destroy);
  ASSIGN_OR_RETURN(AdminEvent event,
                   AskAdmin(client_, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
                            timeout_, doing, [&](auto* options, auto* queue) {
                              rd_kafka_AlterConsumerGroupOffsets_t* one = wanted.get();
                              rd_kafka_AlterConsumerGroupOffsets(client_.handle(), &one,
                                                                 1, options, queue);
                            }));
  size_t count = 0;
  const rd_kafka_group_result_t** results =
      rd_kafka_AlterConsumerGroupOffsets_result_groups(
          rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  return GroupResult(results, count, group, doing);
}

Status Admin::DeleteGroup(const std::string& group) {
  const std::string doing = "deleting group " + group;
  std::unique_ptr<rd_kafka_DeleteGroup_t, void (*)(rd_kafka_DeleteGroup_t*)> wanted(
      rd_kafka_DeleteGroup_new(group.c_str()), rd_kafka_DeleteGroup_destroy);
  ASSIGN_OR_RETURN(AdminEvent event,
                   AskAdmin(client_, RD_KAFKA_ADMIN_OP_DELETEGROUPS, timeout_, doing,
                            [&](auto* options, auto* queue) {
                              rd_kafka_DeleteGroup_t* one = wanted.get();
                              rd_kafka_DeleteGroups(client_.handle(), &one, 1, options,
                                                    queue);
                            }));
  size_t count = 0;
  const rd_kafka_group_result_t** results = rd_kafka_DeleteGroups_result_groups(
      rd_kafka_event_DeleteGroups_result(event.get()), &count);
  return GroupResult(results, count, group, doing);
}

}  // namespace leat::topic::kafka
