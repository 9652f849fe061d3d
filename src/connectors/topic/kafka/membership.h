// Membership: which partitions are this process's to read, and how they come and go. What
// changed is told in order: the source takes a change, prepares for it, and then settles
// it; the client waits for that.
//
// As a member of the consumer group, by the cooperative protocol (KIP-429): partitions
// are dealt while it runs, to this and other processes. Or static: worker i of N takes
// every N-th partition, without the group's protocol. Either way it looks now and then
// for partitions that nobody reads: new ones, and those that a member gave up for another
// which then came back, killed, to what it had before (KIP-345).
//
// Owned by a source, its thread only. Errors: as the client's.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "connectors/topic/kafka/client.h"
#include "connectors/topic/options.h"
#include "core/source.h"

namespace leat::topic::kafka {

class Membership {
 public:
  // Partitions that came, or that have to be given up.
  struct Change {
    bool assigned = false;
    bool lost = false;  // given to others already
    std::vector<Partition> partitions;
  };
  using NextOffset = std::function<int64_t(const Partition&)>;

  // Borrows the options and the context.
  Membership(const SourceOptions& options, const std::string& group,
             const Context& context);

  // What the client calls back with; within its poll, or while the group is left.
  void OnRebalance(bool assigned, const rd_kafka_topic_partition_list_t* partitions);
  // Borrows the client.
  Status Join(Client* client);
  // Whether the source may choose that topic.
  bool IsOurs(const std::string& topic) const;

  // Fails when the group will have nothing more to do with this member.
  Status Check() const;
  // Looks whether there are partitions that nobody reads: takes them where they are not
  // dealt, and fails where the group has to be joined anew for them.
  Status Look();
  bool changed() const { return !changes_.empty(); }
  Change Next();

  // Partitions that were told as gone and are still to be given up.
  const std::vector<Partition>& leaving() const { return leaving_; }
  Status GiveUp();
  // Partitions that were told as ours and are still to be taken, at these offsets;
  // which they were.
  Result<std::vector<Partition>> Take(const NextOffset& next);
  // Takes what it has from another offset.
  Status Seek(const std::vector<Partition>& partitions, const NextOffset& next);
  // Answers what the client still waits for, and leaves the group. Closing the client
  // would keep a static member in it: others would not get its partitions before its
  // session ends, and one that comes back in the middle of a rebalance is given what it
  // was dealt, while nobody is given what it had to give up.
  void Leave(rd_kafka_queue_t* queue);

 private:
  bool IsMember() const;
  Status LookForNew();
  Status LookForUnread();
  void Answer(bool assigned, const rd_kafka_topic_partition_list_t* partitions);

  const SourceOptions& options_;
  const std::string group_;
  const Context& context_;
  const std::optional<std::regex> pattern_;
  Client* client_ = nullptr;
  bool closing_ = false;
  std::deque<Change> changes_;
  std::set<Partition> held_;
  std::vector<Partition> leaving_;
  std::optional<std::vector<Partition>> owed_;  // told, not taken
  bool told_ = false;                           // there was a first change
  std::optional<SteadyTime> look_at_;
  std::set<Partition> unread_;      // by the group, when last looked
  std::optional<SteadyTime> lost_;  // since when the group does without this member
};

}  // namespace leat::topic::kafka
