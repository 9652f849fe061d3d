#include "connectors/topic/kafka/producer.h"

#include <fmt/format.h>

#include <algorithm>

namespace leat::topic::kafka {
namespace {

// How long one call into the client waits before we look whether we should leave.
constexpr int kSliceMs = 200;
constexpr auto kInitLimit = Millis(60'000);
constexpr auto kFlushLimit = Millis(300'000);
constexpr int kOffsetsLimitMs = 30'000;
constexpr auto kCommitLimit = Millis(15'000);
constexpr auto kAbortLimit = Millis(5'000);
constexpr size_t kBatch = 4096;
// The client has one request of 1 MB a partition under way. While more than the next one
// waits for it, longer than linger.ms, it asks its socket without a pause.
constexpr int64_t kMostUnderWay = int64_t{3} << 19;

bool TimedOut(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
         code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE;
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::Make(const Broker& broker,
                                                 const ProducerOptions& options,
                                                 Logger& log, const CancelToken& cancel) {
  const bool transactional = !options.transactional_id.empty();
  std::unique_ptr<Producer> producer(new Producer(transactional, cancel));
  Settings settings = {
      {"enable.idempotence", "true"},
      {"partitioner", "murmur2_random"},
      // In a transaction nobody sees a record before the commit, which waits for no
      // company of the last ones. Without one nobody waits: what comes while a request is
      // under way goes with the next.
      {"linger.ms", Option(broker, "linger.ms", transactional ? "20" : "0")},
      // Each topic has a limit of its own: see SinkTopics.
      {"message.max.bytes", Option(broker, "message.max.bytes", "100000000")},
  };
  if (!options.compression.empty()) {
    settings.emplace_back("compression.type", options.compression);
  }
  if (options.batch_bytes > 0) {
    settings.emplace_back("batch.size", std::to_string(options.batch_bytes));
  }
  if (transactional) {
    settings.emplace_back("transactional.id", options.transactional_id);
  }
  Client::Callbacks callbacks;
  callbacks.delivered = [p = producer.get()](const rd_kafka_message_t& message) {
    p->Delivered(message);
  };
  ASSIGN_OR_RETURN(producer->client_, Client::Make(broker, Role::kProducer, settings, log,
                                                   std::move(callbacks)));
  return producer;
}

Producer::~Producer() {
  for (auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
}

void Producer::Delivered(const rd_kafka_message_t& message) {
  under_way_ -= static_cast<int64_t>(message.len);
  const rd_kafka_resp_err_t code = message.err;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const bool purged =
      code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (!failure_.ok() || (purging_ && purged)) return;
  failure_ = ToStatus(
      code, fmt::format("writing to topic {}", rd_kafka_topic_name(message.rkt)));
}

rd_kafka_topic_t* Producer::Topic(const std::string& name) {
  rd_kafka_topic_t*& topic = topics_[name];
  if (!topic) topic = rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr);
  return topic;
}

// Calls `call(milliseconds)` until it is done, was refused, or the limit has passed.
template <typename Call>
Status Producer::Until(Millis limit, std::string_view doing, Call call) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    rd_kafka_error_t* error = call(kSliceMs);
    if (!error) return Status::Ok();
    const bool again =
        TimedOut(rd_kafka_error_code(error)) ||
        (rd_kafka_error_is_retriable(error) && !rd_kafka_error_txn_requires_abort(error));
    Status status = client_->Explain(ToStatus(error, doing));
    if (!again || std::chrono::steady_clock::now() >= deadline) return status;
    if (cancel_.WaitFor(Millis(5))) return Status::Cancelled("asked to leave at once");
    rd_kafka_poll(client_->handle(), 0);
  }
}

Status Producer::Init() {
  return Until(kInitLimit, "claiming the transactional id",
               [&](int ms) { return rd_kafka_init_transactions(client_->handle(), ms); });
}

Status Producer::Begin() {
  if (!transactional_ || in_transaction_) return Status::Ok();
  RETURN_IF_ERROR(client_->Explain(ToStatus(rd_kafka_begin_transaction(client_->handle()),
                                            "beginning a transaction")));
  in_transaction_ = true;
  return Status::Ok();
}

Status Producer::Poll() {
  rd_kafka_poll(client_->handle(), 0);
  return client_->Explain(failure_);
}

Status Producer::WaitForRoom() {
  if (cancel_.cancelled()) return Status::Cancelled("asked to leave at once");
  rd_kafka_poll(client_->handle(), kSliceMs / 4);
  return client_->Explain(failure_);
}

// Enqueues messages_ from *done on; *done stays at the first that found no room.
Status Producer::ProduceBatch(rd_kafka_topic_t* topic, size_t* done) {
  const size_t count = messages_.size() - *done;
  rd_kafka_message_t* first = messages_.data() + *done;
  const int taken = rd_kafka_produce_batch(
      topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, first, static_cast<int>(count));
  if (taken == static_cast<int>(count)) {
    *done += count;
    return Status::Ok();
  }
  // Once the queue is full, none of the rest is taken: the order stands.
  for (size_t i = 0; i < count; i++) {
    if (first[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    *done += i;
    if (first[i].err == RD_KAFKA_RESP_ERR__QUEUE_FULL) return Status::Ok();
    return client_->Explain(ToStatus(
        first[i].err, fmt::format("writing to topic {}", rd_kafka_topic_name(topic))));
  }
  return Status::Bug("Kafka's client took fewer records than it says");
}

Status Producer::Produce(const std::string& name, const Records& records, int64_t first,
                         int64_t last) {
  while (under_way_ > kMostUnderWay) RETURN_IF_ERROR(WaitForRoom());
  CountUnderWay(records, first, last);
  rd_kafka_topic_t* topic = Topic(name);
  // A batch takes no headers.
  for (; records.headers && first < last; first++) {
    RETURN_IF_ERROR(ProduceRecord(topic, records, first, RD_KAFKA_PARTITION_UA, 0));
  }
  while (first < last) {
    const int64_t end = std::min(last, first + static_cast<int64_t>(kBatch));
    messages_.assign(static_cast<size_t>(end - first), rd_kafka_message_t{});
    for (rd_kafka_message_t& message : messages_) {
      if (!records.values->IsNull(first)) {
        std::string_view value = records.values->GetView(first);
        // Not null, even where there are no bytes: null is a tombstone.
        message.payload = const_cast<char*>(value.empty() ? "" : value.data());
        message.len = value.size();
      }
      if (!records.keys->IsNull(first)) {
        std::string_view key = records.keys->GetView(first);
        message.key = const_cast<char*>(key.empty() ? "" : key.data());
        message.key_len = key.size();
      }
      first++;
    }
    for (size_t done = 0; done < messages_.size();) {
      RETURN_IF_ERROR(ProduceBatch(topic, &done));
      if (done < messages_.size()) RETURN_IF_ERROR(WaitForRoom());
    }
  }
  return Poll();
}

void Producer::CountUnderWay(const Records& records, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; i++) {
    if (records.values->IsValid(i)) under_way_ += records.values->value_length(i);
  }
}

// Most records have the headers of the one before.
Status Producer::TakeHeaders(const Records& records, int64_t i) {
  const std::string_view encoded =
      records.headers->IsNull(i) ? std::string_view() : records.headers->GetView(i);
  if (headers_ && encoded == encoded_headers_) return Status::Ok();
  ASSIGN_OR_RETURN(const std::vector<Header> headers, ReadHeaders(encoded));
  headers_.reset(rd_kafka_headers_new(headers.size()));
  for (const Header& h : headers) {
    rd_kafka_header_add(headers_.get(), h.name.data(),
                        static_cast<ssize_t>(h.name.size()),
                        h.value ? h.value->data() : nullptr,
                        h.value ? static_cast<ssize_t>(h.value->size()) : 0);
  }
  encoded_headers_ = encoded;
  return Status::Ok();
}

Status Producer::ProduceTo(const std::string& name, int32_t partition,
                           const Records& records) {
  rd_kafka_topic_t* topic = Topic(name);
  CountUnderWay(records, 0, records.size());
  for (int64_t i = 0; i < records.size(); i++) {
    const int64_t time = records.timestamps[static_cast<size_t>(i)];
    RETURN_IF_ERROR(ProduceRecord(topic, records, i, partition, time));
  }
  return Poll();
}

Status Producer::ProduceRecord(rd_kafka_topic_t* topic, const Records& records, int64_t i,
                               int32_t partition, int64_t time) {
  rd_kafka_vu_t parts[7] = {};
  size_t count = 0;
  parts[count].vtype = RD_KAFKA_VTYPE_RKT;
  parts[count++].u.rkt = topic;
  parts[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[count++].u.i = RD_KAFKA_MSG_F_COPY;
  parts[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  parts[count++].u.i32 = partition;
  parts[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  parts[count++].u.i64 = time;
  if (!records.values->IsNull(i)) {
    std::string_view value = records.values->GetView(i);
    parts[count].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[count].u.mem.ptr = const_cast<char*>(value.empty() ? "" : value.data());
    parts[count++].u.mem.size = value.size();
  }
  if (!records.keys->IsNull(i)) {
    std::string_view key = records.keys->GetView(i);
    parts[count].vtype = RD_KAFKA_VTYPE_KEY;
    parts[count].u.mem.ptr = const_cast<char*>(key.empty() ? "" : key.data());
    parts[count++].u.mem.size = key.size();
  }
  Headers headers;
  if (records.headers) {
    RETURN_IF_ERROR(TakeHeaders(records, i));
    headers.reset(rd_kafka_headers_copy(headers_.get()));
    parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[count++].u.headers = headers.get();
  }
  for (;;) {
    rd_kafka_error_t* error = rd_kafka_produceva(client_->handle(), parts, count);
    if (!error) break;
    const bool full = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    Status status = client_->Explain(
        ToStatus(error, fmt::format("writing to topic {}", rd_kafka_topic_name(topic))));
    if (!full) return status;
    RETURN_IF_ERROR(WaitForRoom());
  }
  (void)headers.release();  // the record's now
  return Status::Ok();
}

Status Producer::ProduceOne(const std::string& topic, int32_t partition,
                            std::string_view key, std::string_view value) {
  under_way_ += static_cast<int64_t>(value.size());
  for (;;) {
    int bad = rd_kafka_produce(Topic(topic), partition, RD_KAFKA_MSG_F_COPY,
                               const_cast<char*>(value.data()), value.size(), key.data(),
                               key.size(), nullptr);
    if (bad == 0) return Status::Ok();
    rd_kafka_resp_err_t code = rd_kafka_last_error();
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return client_->Explain(ToStatus(code, "writing to topic " + topic));
    }
    RETURN_IF_ERROR(WaitForRoom());
  }
}

Status Producer::Flush() {
  const auto deadline = std::chrono::steady_clock::now() + kFlushLimit;
  while (rd_kafka_flush(client_->handle(), kSliceMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    RETURN_IF_ERROR(client_->Explain(failure_));
    if (cancel_.cancelled()) return Status::Cancelled("asked to leave at once");
    if (std::chrono::steady_clock::now() < deadline) continue;
    return client_->Explain(Status::Transient(fmt::format(
        "{} records were not stored in time", rd_kafka_outq_len(client_->handle()))));
  }
  return client_->Explain(failure_);
}

Status Producer::SendOffsets(const Lease& lease,
                             const std::map<Partition, int64_t>& offsets) {
  rd_kafka_consumer_group_metadata_t* group = nullptr;
  RETURN_IF_ERROR(ToStatus(rd_kafka_consumer_group_metadata_read(
                               &group, lease.metadata.data(), lease.metadata.size()),
                           "reading the group's metadata"));
  std::unique_ptr<rd_kafka_consumer_group_metadata_t,
                  void (*)(rd_kafka_consumer_group_metadata_t*)>
      owned(group, rd_kafka_consumer_group_metadata_destroy);
  PartitionList list = MarkedOffsets(offsets);
  // In one call: unlike the others it does not go on where a first one stopped.
  return client_->Explain(
      ToStatus(rd_kafka_send_offsets_to_transaction(client_->handle(), list.get(), group,
                                                    kOffsetsLimitMs),
               "committing the offsets of group " + lease.group));
}

Status Producer::CommitTransaction() {
  const auto deadline = std::chrono::steady_clock::now() + kCommitLimit;
  for (;;) {
    rd_kafka_error_t* error = rd_kafka_commit_transaction(client_->handle(), kSliceMs);
    if (!error) break;
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const bool fatal = rd_kafka_error_is_fatal(error);
    const bool refused = rd_kafka_error_txn_requires_abort(error);
    Status status = client_->Explain(ToStatus(error, "committing a transaction"));
    if (refused || fatal) return status;
    if (cancel_.cancelled()) return Status::Cancelled("asked to leave at once");
    if (std::chrono::steady_clock::now() >= deadline) {
      return Status::UnknownOutcome(status.message());
    }
    if (!TimedOut(code)) cancel_.WaitFor(Millis(20));
    rd_kafka_poll(client_->handle(), 0);
  }
  in_transaction_ = false;
  return Status::Ok();
}

Status Producer::AbortTransaction() {
  if (!in_transaction_) return Status::Ok();
  purging_ = true;
  Status aborted = Until(kAbortLimit, "aborting a transaction", [&](int ms) {
    return rd_kafka_abort_transaction(client_->handle(), ms);
  });
  rd_kafka_poll(client_->handle(), 0);
  purging_ = false;
  if (!aborted.ok()) return aborted;
  in_transaction_ = false;
  failure_ = Status::Ok();
  return Status::Ok();
}

}  // namespace leat::topic::kafka
