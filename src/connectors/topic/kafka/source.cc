#include "connectors/topic/kafka/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/instance.h"

namespace leat::topic::kafka {
namespace {

constexpr auto kLagEvery = std::chrono::seconds(1);
constexpr size_t kMessagesAtOnce = 10'000;
// A dead member of the group is missed after this.
constexpr char kSessionMs[] = "10000";

}  // namespace

KafkaSource::KafkaSource(SourceOptions options, const Context& context)
    : options_(std::move(options)),
      context_(context),
      group_(options_.group.empty() ? context.pipeline : options_.group),
      membership_(options_, group_, context_),
      messages_(kMessagesAtOnce) {}

KafkaSource::~KafkaSource() { Leave(); }

Status KafkaSource::Open(const Needs& needs) {
  const Broker& broker = context_.project.broker;
  Settings settings = {
      {"group.id", group_},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      // Where to begin is ours to say; what is gone is an error.
      {"auto.offset.reset", "error"},
      {"isolation.level", "read_committed"},
      {"fetch.wait.max.ms", Option(broker, "fetch.wait.max.ms", "100")},
      {"queued.max.messages.kbytes",
       Option(broker, "queued.max.messages.kbytes", "32768")},
  };
  Client::Callbacks callbacks;
  if (!options_.static_assignment) {
    std::string instance = options_.instance;
    if (instance.empty()) {
      ASSIGN_OR_RETURN(instance, InstanceId(context_.data));
      instance = fmt::format("leat-{}", instance);
    }
    settings.emplace_back("partition.assignment.strategy", "cooperative-sticky");
    settings.emplace_back("group.instance.id",
                          fmt::format("{}-{}", instance, context_.worker));
    settings.emplace_back("session.timeout.ms",
                          Option(broker, "session.timeout.ms", kSessionMs));
    callbacks.rebalance = [this](bool assigned, const auto* partitions) {
      membership_.OnRebalance(assigned, partitions);
    };
  }
  ASSIGN_OR_RETURN(client_, Client::Make(broker, Role::kConsumer, settings, context_.log,
                                         std::move(callbacks)));
  RETURN_IF_ERROR(client_->Connect(kConnectTimeout));
  rd_kafka_poll_set_consumer(client_->handle());
  queue_ = rd_kafka_queue_get_consumer(client_->handle());
  offsets_ = std::make_unique<GroupOffsets>(*client_, group_);
  ASSIGN_OR_RETURN(auto there, client_->Topics(kAskTimeout));
  DecoderOptions decoder{options_.format, options_.topics.names, needs.meta,
                         &context_.log};
  for (const auto& [topic, partitions] : there) {
    if (!options_.topics.pattern.empty() && membership_.IsOurs(topic))
      decoder.topics.push_back(topic);
  }
  for (const std::string& topic : options_.topics.names) {
    if (!there.contains(topic)) RETURN_IF_ERROR(Create(topic));
  }
  ASSIGN_OR_RETURN(decoder_, MakeDecoder(std::move(decoder)));
  return membership_.Join(client_.get());
}

// A topic that is missing is created when the project declares it.
Status KafkaSource::Create(const std::string& topic) {
  auto declared = context_.project.topics.find(topic);
  if (declared == context_.project.topics.end()) {
    return Status::Config(
        fmt::format("topic {} does not exist on the broker; create it, or declare it "
                    "under \"topics\" in leat.yaml",
                    topic));
  }
  const TopicSettings& settings = declared->second;
  return Admin(*client_, kAskTimeout)
      .Create(topic, settings.partitions, settings.replication, ConfigOf(settings));
}

Result<std::vector<SchemaRef>> KafkaSource::Tables() { return decoder_->Tables(); }

Result<ReadResult> KafkaSource::Tell(const Membership::Change& change) {
  ReadResult result;
  for (const Partition& p : change.partitions) {
    result.shards.push_back(Shard{group_, p}.Id());
  }
  if (!change.assigned) {
    result.kind = ReadResult::Kind::kRevoked;
    result.lost = change.lost;
    for (const Partition& p : change.partitions) {
      readers_.erase(p);
      started_.erase(p);
      unmarked_.erase(p);
    }
    return result;
  }
  result.kind = ReadResult::Kind::kAssigned;
  RETURN_IF_ERROR(offsets_->Fetch(change.partitions));
  for (const Partition& p : change.partitions) readers_.try_emplace(p, p);
  return result;
}

Result<int64_t> KafkaSource::FirstOffset(const Partition& partition) {
  const topic::Start& start = options_.start;
  if (auto given = start.offsets.find(partition.number); given != start.offsets.end()) {
    return given->second;
  }
  if (start.kind == topic::Start::Kind::kTime) {
    return client_->OffsetAt(partition, start.time, kAskTimeout);
  }
  ASSIGN_OR_RETURN(Client::Bounds bounds, client_->GetBounds(partition, kAskTimeout));
  return start.kind == topic::Start::Kind::kLatest ? bounds.end : bounds.begin;
}

Result<Position> KafkaSource::Start(const ShardId& id, const Resume& resume) {
  auto shard = Shard::Parse(id);
  auto reader = shard ? readers_.find(shard->partition) : readers_.end();
  if (reader == readers_.end()) return Status::Bug("shard " + id + " is not ours");
  const Partition& partition = shard->partition;
  const auto committed = offsets_->Take(partition);
  Place place;
  std::map<TableId, int64_t> floors;
  if (resume.resume.empty()) {
    if (committed) {
      place.offset = committed->offset;
    } else {
      ASSIGN_OR_RETURN(place.offset, FirstOffset(partition));
    }
    unmarked_.insert(partition);
  } else {
    auto known = Place::Parse(resume.resume);
    if (!known) {
      return Status::Config("\"" + resume.resume.text + "\" is no position in a topic");
    }
    place = *std::move(known);
    if (!place.learnt.empty()) RETURN_IF_ERROR(decoder_->Restore(place.learnt));
    if (committed && committed->foreign && committed->offset != place.offset) {
      context_.log.Info(
          "the group's offset was set by hand",
          {{"shard", id}, {"from", place.offset}, {"to", committed->offset}});
      place.offset = committed->offset;
      unmarked_.insert(partition);
    } else {
      for (const auto& [table, floor] : resume.floors) {
        if (auto at = Place::Parse(floor)) floors[table] = at->offset;
      }
    }
  }
  reader->second.Restart(place.offset, std::move(floors));
  started_.insert(partition);
  return place.ToPosition();
}

Status KafkaSource::TakeStarted() {
  if (!membership_.leaving().empty()) {
    Publish(GroupOffsets::When::kNow);
    offsets_->Forget(membership_.leaving());
    RETURN_IF_ERROR(membership_.GiveUp());
  }
  if (!unmarked_.empty()) {
    // What stands there from before must not look as if it was set by hand later.
    for (const Partition& p : unmarked_) offsets_->Note(p, readers_.at(p).next());
    RETURN_IF_ERROR(offsets_->Publish(GroupOffsets::When::kNowAndWait));
    unmarked_.clear();
  }
  auto next = [this](const Partition& p) { return readers_.at(p).next(); };
  ASSIGN_OR_RETURN(std::vector<Partition> taken, membership_.Take(next));
  for (const Partition& p : taken) started_.erase(p);
  if (started_.empty()) return Status::Ok();
  std::vector<Partition> again(started_.begin(), started_.end());
  started_.clear();
  return membership_.Seek(again, next);
}

// The tokens have the positions: a failure only shows an old lag.
void KafkaSource::Publish(GroupOffsets::When when) {
  Status published = offsets_->Publish(when);
  if (published.ok()) return;
  context_.log.Debug("offsets not published", {{"error", published.message()}});
}

Result<ReadResult> KafkaSource::Read(SteadyTime deadline) {
  RETURN_IF_ERROR(membership_.Check());
  RETURN_IF_ERROR(TakeStarted());
  RETURN_IF_ERROR(membership_.Look());
  ASSIGN_OR_RETURN(std::optional<ReadResult> ready, Ready());
  if (ready) return *std::move(ready);
  if (!membership_.changed()) {
    RETURN_IF_ERROR(Poll(deadline));
    ASSIGN_OR_RETURN(ready, Ready());
    if (ready) return *std::move(ready);
  }
  return membership_.changed() ? Tell(membership_.Next()) : ReadResult{};
}

Result<std::optional<ReadResult>> KafkaSource::Ready() {
  for (auto& [partition, reader] : readers_) {
    if (!reader.ready()) continue;
    ReadResult result;
    result.kind = ReadResult::Kind::kBatch;
    ASSIGN_OR_RETURN(result.batch, reader.Take(Shard{group_, partition}.Id(), *decoder_));
    return std::optional(std::move(result));
  }
  return std::optional<ReadResult>();
}

void KafkaSource::Wake() {
  if (rd_kafka_queue_t* queue = queue_) rd_kafka_queue_yield(queue);
}

Status KafkaSource::Poll(SteadyTime deadline) {
  Publish(GroupOffsets::When::kNowAndThen);
  const auto wait =
      std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
  const size_t count = TakeMessages(queue_, wait, &messages_);
  Status failed;
  LastReader last;
  for (size_t i = 0; i < count; i++) {
    if (failed.ok()) failed = Take(*messages_[i], &last);
    rd_kafka_message_destroy(messages_[i]);
  }
  NoteLag();
  return failed;
}

Status KafkaSource::Take(const rd_kafka_message_t& message, LastReader* last) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR &&
      message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    return HandleError(message);
  }
  if (message.rkt != last->topic || message.partition != last->partition) {
    *last = {message.rkt, message.partition, Find(message)};
  }
  PartitionReader* reader = last->reader;
  if (!reader) return Status::Ok();  // no longer ours
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    reader->Add(Fetched::From(message, &headers_));
  } else {
    reader->AtEnd(message.offset);
  }
  return Status::Ok();
}

PartitionReader* KafkaSource::Find(const rd_kafka_message_t& message) {
  auto found = readers_.find({rd_kafka_topic_name(message.rkt), message.partition});
  return found == readers_.end() ? nullptr : &found->second;
}

Status KafkaSource::HandleError(const rd_kafka_message_t& message) {
  const char* topic = message.rkt ? rd_kafka_topic_name(message.rkt) : "";
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return OutOfRange({topic, message.partition}, rd_kafka_message_errstr(&message));
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      context_.log.Warn(
          "nothing was read for longer than max.poll.interval.ms, and the "
          "group went on without this member; joining it again",
          {{"group", group_}});
      return Status::Ok();
    case RD_KAFKA_RESP_ERR__FATAL: return Status::Ok();  // Membership::Check says it
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      // Or not there yet, for this broker: the next start finds out.
      return Status::Transient(
          fmt::format("topic {} is not there any more", *topic ? topic : "(unknown)"));
    default: break;
  }
  return client_->Explain(ToStatus(message.err, fmt::format("reading topic {}", topic),
                                   rd_kafka_message_errstr(&message)));
}

Status KafkaSource::OutOfRange(const Partition& partition, std::string_view reason) {
  auto reader = readers_.find(partition);
  if (reader == readers_.end()) return Status::Ok();
  ASSIGN_OR_RETURN(Client::Bounds bounds, client_->GetBounds(partition, kAskTimeout));
  const int64_t at = reader->second.next();
  if (at >= bounds.begin && at <= bounds.end) {
    return Status::Transient(fmt::format("reading {}[{}] at offset {}: {}",
                                         partition.topic, partition.number, at, reason));
  }
  std::string why =
      at < bounds.begin
          ? fmt::format("{} records from there on were deleted by the topic's retention",
                        bounds.begin - at)
          : "the topic was deleted and made anew, or has lost its end";
  return Status::Config(fmt::format(
      "{}[{}] should be read on at offset {}, but has {} to {} only: {}. To go on from "
      "another offset, set the group's: leat offsets {} --topic {} --partition {} "
      "--reset earliest (or latest, an offset, a time)",
      partition.topic, partition.number, at, bounds.begin, bounds.end, why, group_,
      partition.topic, partition.number));
}

Result<Position> KafkaSource::End(const ShardId& id) {
  auto shard = Shard::Parse(id);
  if (!shard) return Status::Bug(id + " is no partition of a topic");
  ASSIGN_OR_RETURN(Client::Bounds bounds,
                   client_->GetBounds(shard->partition, kAskTimeout));
  return Place{bounds.end, {}}.ToPosition();
}

bool KafkaSource::Reached(const Position& at, const Position& target) const {
  auto a = Place::Parse(at);
  auto b = Place::Parse(target);
  return a && b && a->offset >= b->offset;
}

void KafkaSource::NoteLag() {
  const SteadyTime now = context_.clock.Now();
  if (lag_noted_ != SteadyTime{} && now - lag_noted_ < kLagEvery) return;
  lag_noted_ = now;
  int64_t rows = 0;
  int64_t micros = 0;
  for (const auto& [partition, reader] : readers_) {
    int64_t begin = 0, end = 0;
    if (rd_kafka_get_watermark_offsets(client_->handle(), partition.topic.c_str(),
                                       partition.number, &begin,
                                       &end) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        end <= reader.next()) {
      continue;
    }
    rows += end - reader.next();
    if (reader.newest() > 0) {
      micros = std::max(micros, context_.clock.WallMicros() - reader.newest() * 1000);
    }
  }
  lag_rows_ = rows;
  lag_micros_ = micros;
}

Lag KafkaSource::GetLag() const { return {lag_micros_, -1, lag_rows_}; }

std::string KafkaSource::Lease() const {
  if (options_.static_assignment || !client_) return {};
  rd_kafka_consumer_group_metadata_t* metadata =
      rd_kafka_consumer_group_metadata(client_->handle());
  if (!metadata) return {};
  const void* bytes = nullptr;
  size_t size = 0;
  kafka::Lease lease{group_, {}};
  rd_kafka_error_t* error =
      rd_kafka_consumer_group_metadata_write(metadata, const_cast<void**>(&bytes), &size);
  if (!error) {
    lease.metadata.assign(static_cast<const char*>(bytes), size);
    std::free(const_cast<void*>(bytes));
  } else {
    rd_kafka_error_destroy(error);
  }
  rd_kafka_consumer_group_metadata_destroy(metadata);
  return lease.Encode();
}

void KafkaSource::Ack(const ShardId& id, const Position& committed) {
  auto shard = Shard::Parse(id);
  auto place = Place::Parse(committed);
  if (shard && place && readers_.contains(shard->partition)) {
    offsets_->Note(shard->partition, place->offset);
  }
}

void KafkaSource::Leave() {
  if (!client_ || !queue_) return;
  Publish(GroupOffsets::When::kNow);
  membership_.Leave(queue_);
  rd_kafka_queue_destroy(queue_);
  queue_ = nullptr;
  rd_kafka_consumer_close(client_->handle());
}

}  // namespace leat::topic::kafka
