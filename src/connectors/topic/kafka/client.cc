#include "connectors/topic/kafka/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/redact.h"

namespace leat::topic::kafka {
namespace {

constexpr int kSyslogWarning = 4;
constexpr int kSyslogError = 3;
constexpr auto kLogEvery = std::chrono::seconds(10);
constexpr auto kFirstTry = Millis(1000);

int Ms(Millis time) { return static_cast<int>(time.count()); }

ErrorKind KindOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return ErrorKind::kOk;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID: return ErrorKind::kFenced;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID: return ErrorKind::kConfig;
    default: return ErrorKind::kTransient;
  }
}

bool AboutConnections(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE ||
         code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
         code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

}  // namespace

Status ToStatus(rd_kafka_resp_err_t code, std::string_view doing,
                std::string_view detail) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Status::Ok();
  return {KindOf(code), fmt::format("{}: {} ({})", doing,
                                    detail.empty() ? rd_kafka_err2str(code) : detail,
                                    rd_kafka_err2name(code))};
}

Status ToStatus(rd_kafka_error_t* error, std::string_view doing) {
  if (!error) return Status::Ok();
  Status status =
      ToStatus(rd_kafka_error_code(error), doing, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return status;
}

PartitionList NewList(size_t size) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

PartitionList ListOf(const std::vector<Partition>& partitions) {
  PartitionList list = NewList(partitions.size());
  for (const Partition& p : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.number);
  }
  return list;
}

PartitionList ListOf(const std::map<Partition, int64_t>& offsets) {
  PartitionList list = NewList(offsets.size());
  for (const auto& [p, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.number)->offset =
        offset;
  }
  return list;
}

// One by one: a batch counts a partition's end as a record, and after the next rebalance
// the client would go on one record too far.
size_t TakeMessages(rd_kafka_queue_t* queue, Millis wait,
                    std::vector<rd_kafka_message_t*>* messages) {
  size_t count = 0;
  while (count < messages->size()) {
    rd_kafka_message_t* message =
        rd_kafka_consume_queue(queue, count == 0 ? std::max(0, Ms(wait)) : 0);
    if (!message) break;
    (*messages)[count++] = message;
  }
  return count;
}

// What the library calls us back with; its opaque is the client.
struct Hooks {
  static Client& Of(void* opaque) { return *static_cast<Client*>(opaque); }

  static void Log(const rd_kafka_t* handle, int level, const char*, const char* text) {
    Of(rd_kafka_opaque(handle)).Note(level, text);
  }

  static void Error(rd_kafka_t*, int code, const char* reason, void* opaque) {
    auto error = static_cast<rd_kafka_resp_err_t>(code);
    if (error == RD_KAFKA_RESP_ERR__FATAL) Of(opaque).failed_ = true;
    // A summary of what each broker's own error says better.
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
    Of(opaque).Note(AboutConnections(error) ? kSyslogError : kSyslogWarning, reason);
  }

  static void Delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    Of(opaque).callbacks_.delivered(*message);
  }

  static void Rebalance(rd_kafka_t*, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    Of(opaque).callbacks_.rebalance(code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS,
                                    partitions);
  }

  static void RefreshToken(rd_kafka_t* handle, const char*, void* opaque) {
    Client& client = Of(opaque);
    auto token = client.oauth_->Fetch();
    char error[256] = "";
    if (token.ok()) {
      rd_kafka_oauthbearer_set_token(handle, token->text.c_str(), token->expires_ms,
                                     token->principal.c_str(), nullptr, 0, error,
                                     sizeof error);
    } else {
      std::snprintf(error, sizeof error, "%s", token.status().message().c_str());
    }
    if (!*error) return;
    rd_kafka_oauthbearer_set_token_failure(handle, error);
    client.Note(kSyslogError, error);
  }
};

Result<std::unique_ptr<Client>> Client::Make(const Broker& broker, Role role,
                                             const Settings& settings, Logger& log,
                                             Callbacks callbacks) {
  ASSIGN_OR_RETURN(Conf conf, MakeConf(broker, role, settings));
  std::unique_ptr<Client> client(new Client(log));
  client->callbacks_ = std::move(callbacks);
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), Hooks::Log);
  rd_kafka_conf_set_error_cb(conf.get(), Hooks::Error);
  if (client->callbacks_.delivered) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), Hooks::Delivered);
  }
  if (client->callbacks_.rebalance) {
    rd_kafka_conf_set_rebalance_cb(conf.get(), Hooks::Rebalance);
  }
  if (OAuth::Wanted(broker)) {
    client->oauth_ = std::make_unique<OAuth>(broker);
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf.get(), Hooks::RefreshToken);
  }
  const bool oauth = Option(broker, "sasl.mechanism",
                            Option(broker, "sasl.mechanisms", "")) == "OAUTHBEARER";
  // Tokens come from a thread of the client's: ours may wait for long elsewhere.
  if (oauth) rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
  char error[512];
  client->handle_ =
      rd_kafka_new(role == Role::kConsumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
                   conf.get(), error, sizeof error);
  if (!client->handle_) {
    return Status::Config(
        fmt::format("Kafka's client refuses its configuration: {}", Redact(error)));
  }
  (void)conf.release();  // the handle's now
  if (oauth) {
    RETURN_IF_ERROR(ToStatus(rd_kafka_sasl_background_callbacks_enable(client->handle_),
                             "getting tokens"));
  }
  return client;
}

Client::~Client() {
  if (handle_) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

// The library repeats itself while a broker is away: a line every now and then is enough.
void Client::Note(int level, std::string_view text) {
  if (level > kSyslogWarning) return;
  std::lock_guard lock(mutex_);
  if (level <= kSyslogError) trouble_ = Redact(text);
  auto now = std::chrono::steady_clock::now();
  if (logged_ != std::chrono::steady_clock::time_point{} && now - logged_ < kLogEvery) {
    return;
  }
  logged_ = now;
  log_.Warn("Kafka's client reports", {{"what", text}});
}

std::string Client::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

Status Client::Failure() const {
  if (!failed_) return Status::Ok();
  char text[512];
  return ToStatus(rd_kafka_fatal_error(handle_, text, sizeof text), "Kafka's client",
                  text);
}

Status Client::Explain(Status status) const {
  if (status.ok()) return status;
  // What ended the client for good stands behind whatever failed after it.
  char text[512];
  if (rd_kafka_resp_err_t code = rd_kafka_fatal_error(handle_, text, sizeof text)) {
    return ToStatus(code, status.message(), text);
  }
  std::string why = trouble();
  if (status.kind() != ErrorKind::kTransient || why.empty()) return status;
  // What the brokers would not believe, a retry does not mend.
  bool refused = why.find("uthentication") != why.npos ||
                 why.find("SSL handshake failed") != why.npos ||
                 why.find("certificate") != why.npos ||
                 why.find(OAuth::kRefused) != why.npos;
  return {refused ? ErrorKind::kConfig : status.kind(),
          fmt::format("{}; {}", status.message(), why)};
}

// In parts, each longer: the client goes on trying where it was refused for good.
Status Client::Connect(Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (Millis part = kFirstTry;; part *= 2) {
    const rd_kafka_metadata_t* found = nullptr;
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle_, /*all_topics=*/0, nullptr,
                                                 &found, Ms(std::min(part, timeout)));
    rd_kafka_poll(handle_, 0);  // the reasons of a failure come as events
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(found);
      return Status::Ok();
    }
    Status status = Explain(ToStatus(code, "reaching the Kafka brokers"));
    if (status.kind() != ErrorKind::kTransient ||
        std::chrono::steady_clock::now() >= deadline) {
      return status;
    }
  }
}

Result<std::map<std::string, int>> Client::Topics(Millis timeout,
                                                  const std::string& only) {
  std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)> one(
      only.empty() ? nullptr : rd_kafka_topic_new(handle_, only.c_str(), nullptr),
      [](rd_kafka_topic_t* topic) { rd_kafka_topic_destroy(topic); });
  const rd_kafka_metadata_t* found = nullptr;
  rd_kafka_resp_err_t code =
      rd_kafka_metadata(handle_, /*all_topics=*/!one, one.get(), &found, Ms(timeout));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Explain(ToStatus(code, "listing the topics"));
  }
  std::map<std::string, int> topics;
  for (int i = 0; i < found->topic_cnt; i++) {
    const rd_kafka_metadata_topic_t& topic = found->topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      topics[topic.topic] = topic.partition_cnt;
    }
  }
  rd_kafka_metadata_destroy(found);
  return topics;
}

Result<Client::Bounds> Client::GetBounds(const Partition& partition, Millis timeout) {
  Bounds bounds;
  rd_kafka_resp_err_t code =
      rd_kafka_query_watermark_offsets(handle_, partition.topic.c_str(), partition.number,
                                       &bounds.begin, &bounds.end, Ms(timeout));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return bounds;
  return Explain(ToStatus(code, fmt::format("asking for the ends of {}[{}]",
                                            partition.topic, partition.number)));
}

Status Client::AskOffsets(rd_kafka_topic_partition_list_t* times, std::string_view doing,
                          Millis timeout) {
  rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle_, times, Ms(timeout));
  for (int i = 0; i < times->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
    code = times->elems[i].err;
  }
  return Explain(ToStatus(code, doing));
}

Result<std::map<Partition, Client::Bounds>> Client::GetBounds(
    const std::vector<Partition>& partitions, Millis timeout) {
  std::map<Partition, Bounds> bounds;
  if (partitions.empty()) return bounds;
  PartitionList begins = ListOf(partitions), ends = ListOf(partitions);
  for (size_t i = 0; i < partitions.size(); i++) {
    begins->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
    ends->elems[i].offset = RD_KAFKA_OFFSET_END;
  }
  constexpr std::string_view kDoing = "asking for the ends of partitions";
  RETURN_IF_ERROR(AskOffsets(begins.get(), kDoing, timeout));
  RETURN_IF_ERROR(AskOffsets(ends.get(), kDoing, timeout));
  for (const auto* list : {begins.get(), ends.get()}) {
    for (int i = 0; i < list->cnt; i++) {
      const rd_kafka_topic_partition_t& p = list->elems[i];
      Bounds& of = bounds[{p.topic, p.partition}];
      (list == begins.get() ? of.begin : of.end) = p.offset;
    }
  }
  return bounds;
}

Result<int64_t> Client::OffsetAt(const Partition& partition, int64_t millis,
                                 Millis timeout) {
  PartitionList list = NewList(1);
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)
      ->offset = millis;
  RETURN_IF_ERROR(AskOffsets(
      list.get(),
      fmt::format("looking for a time in {}[{}]", partition.topic, partition.number),
      timeout));
  if (list->elems[0].offset >= 0) return list->elems[0].offset;
  ASSIGN_OR_RETURN(Bounds bounds, GetBounds(partition, timeout));
  return bounds.end;
}

}  // namespace leat::topic::kafka
