// Which properties of Kafka's clients a project may set in its broker's URL, and the
// configuration of a client made from them. The list is closed: nothing on it loads code,
// runs a program or takes over what Leat decides (groups, transactions, offsets).
//
// Stateless; any thread. Errors: kConfig, without values of secrets.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "core/project_settings.h"

namespace leat::topic::kafka {

enum class Role : uint8_t { kConsumer, kProducer };

struct ConfDestroy {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDestroy>;

// What is wrong with the broker's options; ok: they can be used.
Status CheckOptions(const Broker& broker);

// The broker's options for this role, then `settings` over them.
using Settings = std::vector<std::pair<std::string, std::string>>;
Result<Conf> MakeConf(const Broker& broker, Role role, const Settings& settings);

// An option's value, or `otherwise`.
std::string Option(const Broker& broker, std::string_view name,
                   std::string_view otherwise);

}  // namespace leat::topic::kafka
