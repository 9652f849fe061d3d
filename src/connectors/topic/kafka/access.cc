#include "connectors/topic/kafka/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/partition_reader.h"
#include "core/units.h"

namespace leat::topic::kafka {
namespace {

constexpr auto kAwaitLimit = std::chrono::seconds(15);
constexpr auto kAskTopicAgain = std::chrono::milliseconds(20);
constexpr size_t kReadMessages = 1000;
constexpr int64_t kFetchBytes = 1 << 20;

Partition ToKafka(const TopicPartition& p) { return {p.topic, p.partition}; }
TopicPartition FromKafka(const Partition& p) { return {p.topic, p.number}; }

bool IsBrokersOwn(const std::string& topic) {
  return topic == "__consumer_offsets" || topic == "__transaction_state";
}

std::map<Partition, int64_t> ToKafka(const std::map<TopicPartition, int64_t>& offsets) {
  std::map<Partition, int64_t> out;
  for (const auto& [p, offset] : offsets) out[ToKafka(p)] = offset;
  return out;
}

Status NoTopic(const std::string& topic) {
  return Status::Config("there is no topic \"" + topic +
                        "\"; leat topics lists those there are, leat topics create "
                        "makes one");
}

// Records with their offsets, counted from the first.
FetchedSegment SegmentOf(Records records, int64_t from, int64_t next) {
  FetchedSegment fetched;
  fetched.first = from;
  fetched.end = next;
  fetched.bytes = records.bytes();
  std::vector<int64_t>& offsets = fetched.segment.offsets.emplace_back();
  for (const int64_t offset : records.offsets) offsets.push_back(offset - from);
  fetched.segment.records = std::move(records);
  return fetched;
}

}  // namespace

Result<std::unique_ptr<TopicAccess>> KafkaAccess::Make(const Broker& broker,
                                                       Logger& log) {
  std::unique_ptr<KafkaAccess> access(new KafkaAccess(broker, log));
  ASSIGN_OR_RETURN(
      access->client_,
      Client::Make(broker, Role::kConsumer,
                   {{"group.id", "leat"},
                    {"enable.auto.commit", "false"},
                    {"enable.auto.offset.store", "false"},
                    {"enable.partition.eof", "true"},
                    {"auto.offset.reset", "error"},
                    {"fetch.wait.max.ms", Option(broker, "fetch.wait.max.ms", "100")},
                    {"isolation.level", "read_committed"}},
                   log));
  RETURN_IF_ERROR(access->client_->Connect(kConnectTimeout));
  rd_kafka_poll_set_consumer(access->client_->handle());
  access->queue_.reset(rd_kafka_queue_get_consumer(access->client_->handle()));
  access->messages_.resize(kReadMessages);
  return std::unique_ptr<TopicAccess>(std::move(access));
}

Result<std::vector<TopicFacts>> KafkaAccess::Describe(const std::string& only) {
  ASSIGN_OR_RETURN(auto there, client_->Topics(kAskTimeout, only));
  if (only.empty()) {
    std::erase_if(there, [](const auto& topic) { return IsBrokersOwn(topic.first); });
  } else if (there.empty()) {
    return NoTopic(only);
  }
  std::vector<std::string> names;
  std::vector<Partition> partitions;
  for (const auto& [topic, count] : there) {
    names.push_back(topic);
    for (int32_t p = 0; p < count; p++) partitions.push_back({topic, p});
  }
  ASSIGN_OR_RETURN(auto configs, Admin(*client_, kAskTimeout).Describe(names));
  ASSIGN_OR_RETURN(auto bounds, client_->GetBounds(partitions, kAskTimeout));
  std::vector<TopicFacts> all;
  for (const std::string& name : names) {
    TopicFacts& topic = all.emplace_back();
    topic.name = name;
    auto config = configs.find(name);
    if (config != configs.end()) topic.settings = SettingsOf(config->second);
    topic.partitions.resize(static_cast<size_t>(there[name]));
  }
  size_t at = 0;
  for (TopicFacts& topic : all) {
    for (PartitionFacts& facts : topic.partitions) {
      const Client::Bounds& of = bounds[partitions[at++]];
      facts.offsets = {of.begin, of.end};
    }
  }
  return all;
}

Result<int> KafkaAccess::Partitions(const std::string& topic) {
  ASSIGN_OR_RETURN(auto there, client_->Topics(kAskTimeout, topic));
  if (there.empty()) return NoTopic(topic);
  return there.begin()->second;
}

// What one broker has done the one we ask may not know yet.
Status KafkaAccess::AwaitTopic(const std::string& topic, bool there) {
  const auto deadline = std::chrono::steady_clock::now() + kAwaitLimit;
  for (;;) {
    ASSIGN_OR_RETURN(auto found, client_->Topics(kAskTimeout, topic));
    if (!found.empty() == there) return Status::Ok();
    if (std::chrono::steady_clock::now() >= deadline) {
      return Status::Transient(fmt::format("the brokers accepted it, but topic {} is {}",
                                           topic, there ? "not there yet" : "there yet"));
    }
    never_.WaitFor(kAskTopicAgain);
  }
}

Status KafkaAccess::Create(const std::string& topic, const TopicSettings& settings) {
  ASSIGN_OR_RETURN(auto there, client_->Topics(kAskTimeout, topic));
  if (!there.empty()) {
    return Status::Config(fmt::format(
        "topic {} is there already; kafka-configs.sh --alter changes its settings, "
        "kafka-topics.sh --alter its partitions",
        topic));
  }
  RETURN_IF_ERROR(
      Admin(*client_, kAskTimeout)
          .Create(topic, settings.partitions, settings.replication, ConfigOf(settings)));
  return AwaitTopic(topic, /*there=*/true);
}

Status KafkaAccess::Delete(const std::string& topic) {
  RETURN_IF_ERROR(Partitions(topic).status());
  RETURN_IF_ERROR(Admin(*client_, kAskTimeout).Delete(topic));
  return AwaitTopic(topic, /*there=*/false);
}

Result<TopicAccess::Ranges> KafkaAccess::GetRanges(
    const std::vector<TopicPartition>& partitions) {
  std::set<std::string> topics;
  for (const TopicPartition& p : partitions) topics.insert(p.topic);
  ASSIGN_OR_RETURN(
      const auto there,
      client_->Topics(kAskTimeout, topics.size() == 1 ? *topics.begin() : std::string()));
  std::vector<Partition> found;
  for (const TopicPartition& p : partitions) {
    auto topic = there.find(p.topic);
    if (topic != there.end() && p.partition < topic->second) found.push_back(ToKafka(p));
  }
  ASSIGN_OR_RETURN(const auto bounds, client_->GetBounds(found, kAskTimeout));
  Ranges ranges;
  for (const auto& [p, of] : bounds) ranges[FromKafka(p)] = {of.begin, of.end};
  return ranges;
}

Result<int64_t> KafkaAccess::OffsetAt(const TopicPartition& partition, int64_t millis) {
  return client_->OffsetAt(ToKafka(partition), millis, kAskTimeout);
}

Status KafkaAccess::Seek(const Partition& partition, int64_t offset) {
  at_.reset();
  RETURN_IF_ERROR(
      ToStatus(rd_kafka_assign(client_->handle(), ListOf({{partition, offset}}).get()),
               "reading topic " + partition.topic));
  at_ = {partition, offset};
  return Status::Ok();
}

Result<bool> KafkaAccess::Take(size_t count, const Partition& partition,
                               RecordsBuilder* records, int64_t* next) {
  bool end = false;
  Status failed;
  for (size_t i = 0; i < count; i++) {
    const rd_kafka_message_t& message = *messages_[i];
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const Fetched record = Fetched::From(message, &headers_);
      records->Add(record.key, record.value, record.time, record.headers,
                   record.partition, record.offset);
      *next = record.offset + 1;
    } else if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      end = true;
      *next = std::max(*next, message.offset);
    } else if (failed.ok()) {
      failed = client_->Explain(ToStatus(
          message.err, fmt::format("reading {}[{}]", partition.topic, partition.number),
          rd_kafka_message_errstr(&message)));
    }
    rd_kafka_message_destroy(messages_[i]);
  }
  RETURN_IF_ERROR(failed);
  return end;
}

Result<std::optional<FetchedSegment>> KafkaAccess::Fetch(const TopicPartition& of,
                                                         int64_t from) {
  const Partition partition = ToKafka(of);
  if (at_ != std::pair(partition, from)) RETURN_IF_ERROR(Seek(partition, from));
  at_.reset();
  RecordsBuilder records(of.topic);
  int64_t next = from;
  bool end = false;
  while (!end && records.bytes() < kFetchBytes) {
    const size_t count = TakeMessages(
        queue_.get(), records.size() == 0 ? kAskTimeout : Millis(0), &messages_);
    if (count == 0) break;
    ASSIGN_OR_RETURN(end, Take(count, partition, &records, &next));
  }
  if (!end && records.size() == 0) {
    return client_->Explain(Status::Transient(fmt::format(
        "reading {}: nothing came from the brokers at offset {}", of.ToString(), from)));
  }
  if (next == from) return std::optional<FetchedSegment>();
  // Whether the client tells the same end twice is not ours to know.
  if (!end) at_ = {partition, next};
  return std::optional(SegmentOf(records.Finish(), from, next));
}

// A batch must not be larger than the topic takes, though each of its records may fit.
Status KafkaAccess::OpenProducer(const std::string& topic) {
  if (producer_ && produces_to_ == topic) return Status::Ok();
  ASSIGN_OR_RETURN(auto config,
                   Admin(*client_, kAskTimeout).Describe(std::vector{topic}));
  const auto limit = ParseInt(config[topic]["max.message.bytes"]);
  ProducerOptions options;
  if (limit && *limit < kBatchBytes) options.batch_bytes = std::max<int64_t>(*limit, 1);
  ASSIGN_OR_RETURN(producer_, Producer::Make(broker_, options, log_, never_));
  produces_to_ = topic;
  return producer_->client().Connect(kConnectTimeout);
}

Status KafkaAccess::Append(const std::string& topic,
                           const std::map<int32_t, Records>& records) {
  RETURN_IF_ERROR(OpenProducer(topic));
  for (const auto& [partition, some] : records) {
    RETURN_IF_ERROR(producer_->ProduceTo(topic, partition, some));
  }
  return producer_->Flush();
}

Status KafkaAccess::DeleteRecords(const std::map<TopicPartition, int64_t>& before) {
  return Admin(*client_, kAskTimeout).DeleteRecords(ToKafka(before));
}

Result<std::vector<GroupFacts>> KafkaAccess::Groups(const std::string& only) {
  Admin admin(*client_, kAskTimeout);
  std::vector<std::string> groups = {only};
  if (only.empty()) {
    ASSIGN_OR_RETURN(groups, admin.Groups());
  }
  ASSIGN_OR_RETURN(const auto readers, admin.ReadersOf(groups));
  std::vector<GroupFacts> all;
  for (const std::string& group : groups) {
    ASSIGN_OR_RETURN(const auto offsets, admin.GroupOffsets(group));
    for (const auto& [partition, committed] : offsets) {
      GroupFacts& facts = all.emplace_back();
      facts.group = group;
      facts.partition = FromKafka(partition);
      facts.offset = committed.offset;
      auto reader = readers.find({group, partition});
      if (reader != readers.end()) facts.reader = reader->second;
    }
  }
  return all;
}

Status KafkaAccess::SetOffsets(const std::string& group,
                               const std::map<TopicPartition, int64_t>& offsets) {
  return Admin(*client_, kAskTimeout).SetOffsets(group, ToKafka(offsets));
}

Status KafkaAccess::DeleteGroup(const std::string& group) {
  return Admin(*client_, kAskTimeout).DeleteGroup(group);
}

}  // namespace leat::topic::kafka
