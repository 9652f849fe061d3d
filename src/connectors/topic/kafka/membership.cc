#include "connectors/topic/kafka/membership.h"

#include <fmt/format.h>

#include <algorithm>

#include "connectors/topic/kafka/admin.h"

namespace leat::topic::kafka {
namespace {

constexpr int kSeekTimeoutMs = 15'000;
constexpr auto kLookEvery = std::chrono::seconds(30);
constexpr auto kLookAgain = std::chrono::seconds(5);
constexpr auto kTakenBackWithin = std::chrono::minutes(1);
constexpr auto kLeaveLimit = std::chrono::seconds(3);
constexpr auto kServe = Millis(20);
constexpr size_t kLeaveMessages = 1000;

Partition PartitionOf(const rd_kafka_topic_partition_t& p) {
  return {p.topic, p.partition};
}

PartitionList ListFrom(const std::vector<Partition>& partitions,
                       const Membership::NextOffset& next) {
  PartitionList list = ListOf(partitions);
  for (int i = 0; i < list->cnt; i++) {
    list->elems[i].offset = next(PartitionOf(list->elems[i]));
  }
  return list;
}

}  // namespace

Membership::Membership(const SourceOptions& options, const std::string& group,
                       const Context& context)
    : options_(options),
      group_(group),
      context_(context),
      pattern_(options.topics.Pattern()) {}

Status Membership::Join(Client* client) {
  client_ = client;
  if (options_.static_assignment) return Status::Ok();
  PartitionList topics = NewList(1);
  for (const std::string& topic : options_.topics.names) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  if (!options_.topics.pattern.empty()) {
    const std::string pattern = "^(" + options_.topics.pattern + ")$";
    rd_kafka_topic_partition_list_add(topics.get(), pattern.c_str(),
                                      RD_KAFKA_PARTITION_UA);
  }
  return ToStatus(rd_kafka_subscribe(client_->handle(), topics.get()),
                  "joining group " + group_);
}

bool Membership::IsOurs(const std::string& topic) const {
  if (std::ranges::find(options_.topics.names, topic) != options_.topics.names.end()) {
    return true;
  }
  return pattern_ && std::regex_match(topic, *pattern_);
}

Status Membership::Check() const {
  if (Status failed = client_->Failure(); !failed.ok()) {
    // Another has this instance's name; or it is the client's own, which after a session
    // that timed out still sends a heartbeat under it.
    return Status::Transient("reading as a member of group " + group_ + ": " +
                             failed.message());
  }
  // The client has been seen to wait for ever for a coordinator it lost sight of.
  if (!lost_ || context_.clock.Now() - *lost_ < kTakenBackWithin) return Status::Ok();
  return Status::Transient("group " + group_ + " did not take this member back");
}

Status Membership::Look() {
  const SteadyTime now = context_.clock.Now();
  if (!look_at_) look_at_ = options_.static_assignment ? now : now + kLookEvery;
  if (now < *look_at_) return Status::Ok();
  look_at_ = now + kLookEvery;
  return options_.static_assignment ? LookForNew() : LookForUnread();
}

Status Membership::LookForNew() {
  ASSIGN_OR_RETURN(auto there, client_->Topics(kAskTimeout));
  Change change{true, false, {}};
  for (const auto& [topic, count] : there) {
    if (!IsOurs(topic)) continue;
    for (int32_t p = 0; p < count; p++) {
      if (p % context_.workers != context_.worker || held_.contains({topic, p})) continue;
      change.partitions.push_back({topic, p});
    }
  }
  if (!told_ || !change.partitions.empty()) changes_.push_back(std::move(change));
  return Status::Ok();
}

// Twice in a row: between the two questions asked here they may have been dealt.
Status Membership::LookForUnread() {
  ASSIGN_OR_RETURN(auto there, client_->Topics(kAskTimeout));
  auto dealt = Admin(*client_, kAskTimeout).Dealt(group_);
  if (!dealt.ok()) {
    // Whoever may read need not be allowed to look.
    context_.log.Debug("the group cannot be looked at",
                       {{"group", group_}, {"error", dealt.status().message()}});
    return Status::Ok();
  }
  std::set<Partition> unread;
  for (const auto& [topic, count] : there) {
    for (int32_t p = 0; *dealt && IsOurs(topic) && p < count; p++) {
      if (!(*dealt)->contains({topic, p})) unread.insert({topic, p});
    }
  }
  std::swap(unread, unread_);
  if (unread_.empty()) return Status::Ok();
  look_at_ = context_.clock.Now() + kLookAgain;
  for (const Partition& p : unread_) {
    if (!unread.contains(p)) continue;
    return Status::Transient(
        fmt::format("no member of group {} reads {}[{}]; joining it anew, so that it is "
                    "dealt",
                    group_, p.topic, p.number));
  }
  return Status::Ok();
}

void Membership::OnRebalance(bool assigned, const rd_kafka_topic_partition_list_t* list) {
  if (closing_) return Answer(assigned, list);
  const bool lost = !assigned && rd_kafka_assignment_lost(client_->handle());
  if (assigned) lost_.reset();
  if (lost) lost_ = context_.clock.Now();
  Change change{assigned, lost, {}};
  for (int i = 0; i < list->cnt; i++) {
    change.partitions.push_back(PartitionOf(list->elems[i]));
  }
  changes_.push_back(std::move(change));
  rd_kafka_yield(client_->handle());  // nothing more to wait for
}

Membership::Change Membership::Next() {
  Change change = std::move(changes_.front());
  changes_.pop_front();
  if (change.assigned) {
    held_.insert(change.partitions.begin(), change.partitions.end());
    owed_ = change.partitions;
    told_ = true;
  } else {
    for (const Partition& p : change.partitions) held_.erase(p);
    leaving_ = change.partitions;
  }
  return change;
}

Status Membership::GiveUp() {
  PartitionList list = ListOf(leaving_);
  leaving_.clear();
  return ToStatus(rd_kafka_incremental_unassign(client_->handle(), list.get()),
                  "giving partitions up");
}

Result<std::vector<Partition>> Membership::Take(const NextOffset& next) {
  if (!owed_) return std::vector<Partition>();
  std::vector<Partition> taken = std::move(*owed_);
  owed_.reset();
  if (options_.static_assignment) {
    PartitionList all = ListFrom({held_.begin(), held_.end()}, next);
    RETURN_IF_ERROR(
        ToStatus(rd_kafka_assign(client_->handle(), all.get()), "taking partitions"));
  } else {
    RETURN_IF_ERROR(ToStatus(
        rd_kafka_incremental_assign(client_->handle(), ListFrom(taken, next).get()),
        "taking partitions"));
  }
  return taken;
}

Status Membership::Seek(const std::vector<Partition>& partitions,
                        const NextOffset& next) {
  PartitionList list = ListFrom(partitions, next);
  RETURN_IF_ERROR(
      ToStatus(rd_kafka_seek_partitions(client_->handle(), list.get(), kSeekTimeoutMs),
               "going back in a topic"));
  for (int i = 0; i < list->cnt; i++) {
    RETURN_IF_ERROR(ToStatus(list->elems[i].err, "going back in a topic"));
  }
  return Status::Ok();
}

void Membership::Answer(bool assigned, const rd_kafka_topic_partition_list_t* list) {
  rd_kafka_error_t* error = assigned
                                ? rd_kafka_incremental_assign(client_->handle(), list)
                                : rd_kafka_incremental_unassign(client_->handle(), list);
  if (error) rd_kafka_error_destroy(error);
}

void Membership::Leave(rd_kafka_queue_t* queue) {
  closing_ = true;
  if (owed_) Answer(true, ListOf(*owed_).get());
  if (!leaving_.empty()) Answer(false, ListOf(leaving_).get());
  for (const Change& change : changes_) {
    Answer(change.assigned, ListOf(change.partitions).get());
  }
  changes_.clear();
  if (!client_ || options_.static_assignment || !client_->Failure().ok()) return;
  rd_kafka_unsubscribe(client_->handle());
  const auto deadline = std::chrono::steady_clock::now() + kLeaveLimit;
  std::vector<rd_kafka_message_t*> messages(kLeaveMessages);
  while (IsMember() && std::chrono::steady_clock::now() < deadline) {
    const size_t count = TakeMessages(queue, kServe, &messages);
    for (size_t i = 0; i < count; i++) rd_kafka_message_destroy(messages[i]);
  }
}

bool Membership::IsMember() const {
  char* id = rd_kafka_memberid(client_->handle());
  const bool is = id && *id;
  if (id) rd_kafka_mem_free(client_->handle(), id);
  return is;
}

}  // namespace leat::topic::kafka
