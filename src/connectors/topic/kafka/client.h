// Client: one handle of Kafka's C client, with its errors as ours and its log in our log,
// and what any such handle can ask a cluster. Owned by one source or sink; the questions
// are asked by one thread, the client's own threads answer.
//
// Errors: kTransient where another try may mend it (brokers away, time-outs), kConfig
// where the user has to act (authentication, privileges, a topic that is not there),
// kFenced.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "connectors/topic/kafka/oauth.h"
#include "connectors/topic/kafka/settings.h"
#include "core/project_settings.h"

namespace leat::topic::kafka {

// How long a cluster may take to let us in, and to answer.
constexpr auto kConnectTimeout = Millis(10'000);
constexpr auto kAskTimeout = Millis(15'000);

// What a code of the client means to us, and `doing` in front of its text.
Status ToStatus(rd_kafka_resp_err_t code, std::string_view doing,
                std::string_view detail = {});
// The same of an error object, which is destroyed; null is OK.
Status ToStatus(rd_kafka_error_t* error, std::string_view doing);

struct Partition {
  std::string topic;
  int32_t number = 0;

  auto operator<=>(const Partition&) const = default;
};

struct ListDestroy {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDestroy>;
PartitionList NewList(size_t size);
PartitionList ListOf(const std::vector<Partition>& partitions);
PartitionList ListOf(const std::map<Partition, int64_t>& offsets);

// Waits for a message and takes it, with what else is there and fits into `messages`; how
// many.
size_t TakeMessages(rd_kafka_queue_t* queue, Millis wait,
                    std::vector<rd_kafka_message_t*>* messages);

class Client {
 public:
  // Called by whichever thread asks the client for something.
  struct Callbacks {
    // A record is stored, or could not be delivered.
    std::function<void(const rd_kafka_message_t&)> delivered;
    // Partitions were dealt (true) or are taken away.
    std::function<void(bool assigned, const rd_kafka_topic_partition_list_t*)> rebalance;
  };
  // Borrows the logger.
  static Result<std::unique_ptr<Client>> Make(const Broker& broker, Role role,
                                              const Settings& settings, Logger& log,
                                              Callbacks callbacks = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle() { return handle_; }
  // The newest trouble of the connections, to explain a time-out with; empty: none yet.
  std::string trouble() const;
  // What ended the client for good; OK: nothing. A batch of messages does not tell.
  Status Failure() const;
  // The status with its cause: the error that ended the client, or, when it is about time
  // or transport, the newest trouble.
  Status Explain(Status status) const;
  // The cluster can be reached, and lets us in.
  Status Connect(Millis timeout);

  // Every topic with the number of its partitions; or that one alone, if it is there.
  Result<std::map<std::string, int>> Topics(Millis timeout, const std::string& only = {});
  // The offsets that begin and end a partition. The end: of committed transactions,
  // unless the client was made to read uncommitted ones as well.
  struct Bounds {
    int64_t begin = 0;
    int64_t end = 0;
  };
  Result<Bounds> GetBounds(const Partition& partition, Millis timeout);
  // The same of many, which are all there, at once.
  Result<std::map<Partition, Bounds>> GetBounds(const std::vector<Partition>& partitions,
                                                Millis timeout);
  // The first offset at or after that time, or the end.
  Result<int64_t> OffsetAt(const Partition& partition, int64_t millis, Millis timeout);

 private:
  friend struct Hooks;
  explicit Client(Logger& log) : log_(log) {}
  void Note(int level, std::string_view text);
  // For each partition the offset that belongs to the time it came with.
  Status AskOffsets(rd_kafka_topic_partition_list_t* times, std::string_view doing,
                    Millis timeout);
  Logger& log_;
  Callbacks callbacks_;
  rd_kafka_t* handle_ = nullptr;
  std::unique_ptr<OAuth> oauth_;
  mutable std::mutex mutex_;
  std::string trouble_;
  std::atomic<bool> failed_{false};
  std::chrono::steady_clock::time_point logged_{};
};

}  // namespace leat::topic::kafka
