// What the pipelines of a project share, from leat.yaml, as parts need it. Constant after
// loading; any thread.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace leat {

// Where topics are: in the project's own store, or on a Kafka cluster.
struct Broker {
  // kafka://host:port,host:port?name=value&...; empty: embedded.
  std::vector<std::string> servers;            // host:port
  std::map<std::string, std::string> options;  // percent-decoded; may hold secrets

  bool embedded() const { return servers.empty(); }
  bool operator==(const Broker&) const = default;
  // "embedded" or a kafka:// URL. Registers the secrets of its options. Errors: kConfig,
  // without the options' values.
  static Result<Broker> Parse(std::string_view text);
};

// A topic as leat.yaml or a sink declares it; for where it does not exist yet.
struct TopicSettings {
  int partitions = 1;
  Micros retention{0};          // how long records are kept; 0: for ever
  int64_t retention_bytes = 0;  // of a partition; 0: no limit
  bool compact = false;         // keeps the newest record of each key
  // Of a Kafka cluster alone. 0: on as many brokers as the cluster says.
  int replication = 0;
  std::map<std::string, std::string> config;

  bool operator==(const TopicSettings&) const = default;
};

struct ProjectSettings {
  // For what must not be lost (a catalog without another home), and the store's.
  std::filesystem::path data = {};
  Broker broker = {};
  std::map<std::string, TopicSettings> topics = {};
};

}  // namespace leat
