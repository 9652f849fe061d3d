#include "connectors/topic/kafka/commit_log.h"

#include <fmt/format.h>

#include "connectors/topic/kafka/admin.h"
#include "core/json.h"

namespace leat::topic::kafka {
namespace {

constexpr auto kAskLogTimeout = Millis(10'000);
constexpr auto kPoll = Millis(100);
constexpr auto kSayLogAfter = std::chrono::seconds(5);
// Longer than brokers let any transaction stand (transaction.max.timeout.ms).
constexpr auto kGiveUpAfter = std::chrono::minutes(16);
constexpr size_t kLogMessages = 1000;

}  // namespace

CommitLog::CommitLog(const Broker& broker, std::string pipeline, Logger& log,
                     const CancelToken& cancel)
    : broker_(broker), pipeline_(std::move(pipeline)), log_(log), cancel_(cancel) {}

std::string CommitLog::TokenKey(const ShardId& shard) const {
  return DumpJson(nlohmann::json::array({pipeline_, shard}));
}

std::string CommitLog::OwnerKey(const std::string& id) const {
  return DumpJson(nlohmann::json::array({pipeline_, nullptr, id}));
}

std::string CommitLog::Owner(const std::string& id) const {
  auto found = owners_.find(id);
  return found == owners_.end() ? std::string() : found->second;
}

Status CommitLog::Prepare(Client& client) {
  Admin admin(client, kAskLogTimeout);
  ASSIGN_OR_RETURN(auto config, admin.Describe(kTopic));
  if (!config) {
    // Small segments that close soon: a start reads what is not compacted yet.
    return admin.Create(kTopic, 1, 0,
                        {{"cleanup.policy", "compact"},
                         {"min.cleanable.dirty.ratio", "0.1"},
                         {"segment.bytes", "16777216"},
                         {"segment.ms", "600000"}});
  }
  const std::string policy = (*config)["cleanup.policy"];
  if (policy == "compact") return Status::Ok();
  return Status::Config(fmt::format(
      "topic {} has cleanup.policy={}, which would forget how far pipelines are; set "
      "it: kafka-configs.sh --alter --entity-type topics --entity-name {} --add-config "
      "cleanup.policy=compact",
      kTopic, policy, kTopic));
}

Status CommitLog::Refresh() {
  // Counts what stands in transactions that are open still.
  ASSIGN_OR_RETURN(auto asker, Client::Make(broker_, Role::kConsumer,
                                            {{"group.id", "leat"},
                                             {"isolation.level", "read_uncommitted"}},
                                            log_));
  ASSIGN_OR_RETURN(Client::Bounds bounds,
                   asker->GetBounds({kTopic, kPartition}, kAskLogTimeout));
  if (next_ > bounds.end) {  // it was made anew
    next_ = 0;
    tokens_.clear();
    owners_.clear();
  }
  next_ = std::max(next_, bounds.begin);
  return next_ < bounds.end ? ReadTo(bounds.end) : Status::Ok();
}

Status CommitLog::ReadTo(int64_t end) {
  ASSIGN_OR_RETURN(auto reader, Client::Make(broker_, Role::kConsumer,
                                             {{"group.id", "leat"},
                                              {"enable.auto.commit", "false"},
                                              {"enable.partition.eof", "true"},
                                              {"auto.offset.reset", "earliest"},
                                              {"fetch.wait.max.ms", "20"},
                                              {"isolation.level", "read_committed"}},
                                             log_));
  PartitionList list = NewList(1);
  rd_kafka_topic_partition_list_add(list.get(), kTopic, kPartition)->offset = next_;
  RETURN_IF_ERROR(ToStatus(rd_kafka_assign(reader->handle(), list.get()),
                           "reading topic leat-commits"));
  std::unique_ptr<rd_kafka_queue_t, void (*)(rd_kafka_queue_t*)> queue(
      rd_kafka_queue_get_consumer(reader->handle()), rd_kafka_queue_destroy);
  const auto began = std::chrono::steady_clock::now();
  bool said = false;
  std::vector<rd_kafka_message_t*> messages(kLogMessages);
  while (next_ < end) {
    if (cancel_.cancelled()) return Status::Cancelled("asked to leave at once");
    const auto waited = std::chrono::steady_clock::now() - began;
    if (waited > kSayLogAfter && !said) {
      said = true;
      log_.Warn(
          "waiting for a transaction that is open in topic leat-commits, or for its "
          "time-out",
          {{"pipeline", pipeline_}, {"at", next_}, {"end", end}});
    }
    if (waited > kGiveUpAfter) {
      return reader->Explain(Status::Transient(fmt::format(
          "topic leat-commits could not be read to its end, offset {}", end)));
    }
    const size_t count = TakeMessages(queue.get(), kPoll, &messages);
    Status failed;
    for (size_t i = 0; i < count; i++) {
      const rd_kafka_message_t& message = *messages[i];
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) Take(message);
      if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        next_ = std::max(next_, message.offset);
      } else if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed = ToStatus(message.err, "reading topic leat-commits",
                          rd_kafka_message_errstr(&message));
      }
      rd_kafka_message_destroy(messages[i]);
    }
    RETURN_IF_ERROR(failed);
  }
  return Status::Ok();
}

void CommitLog::Take(const rd_kafka_message_t& message) {
  next_ = message.offset + 1;
  const std::string_view key(static_cast<const char*>(message.key), message.key_len);
  const std::string_view value(static_cast<const char*>(message.payload), message.len);
  auto names = TryParseJson<nlohmann::json>(key);
  if (!names.is_array() || names.size() < 2 || names[0] != pipeline_) return;
  if (names.size() == 3 && names[2].is_string()) {
    owners_[names[2]] = value;
  } else if (names.size() == 2 && names[1].is_string()) {
    auto token = Token::FromJson(value);
    if (token.ok()) {
      tokens_[names[1]] = *std::move(token);
    } else {
      tokens_.erase(names[1].get<std::string>());  // taken out by hand: a tombstone
    }
  }
}

}  // namespace leat::topic::kafka
