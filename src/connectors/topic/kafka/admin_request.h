// One request of Kafka's admin API: what it is asked with, and its answer. Of Admin
// alone.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string_view>

#include "connectors/topic/kafka/client.h"

namespace leat::topic::kafka {

struct AdminOptionsDestroy {
  void operator()(rd_kafka_AdminOptions_t* o) const { rd_kafka_AdminOptions_destroy(o); }
};
struct EventDestroy {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
struct QueueDestroy {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, AdminOptionsDestroy>;
using AdminEvent = std::unique_ptr<rd_kafka_event_t, EventDestroy>;
using AdminQueue = std::unique_ptr<rd_kafka_queue_t, QueueDestroy>;

// `send` gets options and queue; the answer or its error.
template <typename Send>
Result<AdminEvent> AskAdmin(Client& client, rd_kafka_admin_op_t kind, Millis timeout,
                            std::string_view doing, Send send) {
  AdminOptions options(rd_kafka_AdminOptions_new(client.handle(), kind));
  char error[256];
  rd_kafka_AdminOptions_set_request_timeout(
      options.get(), static_cast<int>(timeout.count()), error, sizeof error);
  AdminQueue queue(rd_kafka_queue_new(client.handle()));
  send(options.get(), queue.get());
  AdminEvent event(
      rd_kafka_queue_poll(queue.get(), static_cast<int>(timeout.count()) + 1000));
  if (!event) {
    return client.Explain(ToStatus(RD_KAFKA_RESP_ERR__TIMED_OUT, doing));
  }
  if (auto code = rd_kafka_event_error(event.get())) {
    return client.Explain(
        ToStatus(code, doing, rd_kafka_event_error_string(event.get())));
  }
  return event;
}

}  // namespace leat::topic::kafka
