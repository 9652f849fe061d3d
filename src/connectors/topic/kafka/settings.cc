#include "connectors/topic/kafka/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/text.h"
#include "core/suggest.h"

namespace leat::topic::kafka {
namespace {

enum class For : uint8_t { kBoth, kConsumer, kProducer, kLeat };

struct Allowed {
  std::string_view name;
  For role;
};

constexpr std::array kAllowed = {
    // Who we are, and how we get there.
    Allowed{"client.id", For::kBoth},
    Allowed{"client.rack", For::kBoth},
    Allowed{"broker.address.family", For::kBoth},
    Allowed{"broker.address.ttl", For::kBoth},
    Allowed{"client.dns.lookup", For::kBoth},
    Allowed{"connections.max.idle.ms", For::kBoth},
    Allowed{"metadata.max.age.ms", For::kBoth},
    Allowed{"reconnect.backoff.ms", For::kBoth},
    Allowed{"reconnect.backoff.max.ms", For::kBoth},
    Allowed{"retry.backoff.ms", For::kBoth},
    Allowed{"socket.connection.setup.timeout.ms", For::kBoth},
    Allowed{"socket.keepalive.enable", For::kBoth},
    Allowed{"socket.nagle.disable", For::kBoth},
    Allowed{"socket.receive.buffer.bytes", For::kBoth},
    Allowed{"socket.send.buffer.bytes", For::kBoth},
    Allowed{"socket.timeout.ms", For::kBoth},
    Allowed{"topic.metadata.refresh.interval.ms", For::kBoth},
    // Security.
    Allowed{"security.protocol", For::kBoth},
    Allowed{"sasl.mechanism", For::kBoth},
    Allowed{"sasl.mechanisms", For::kBoth},
    Allowed{"sasl.username", For::kBoth},
    Allowed{"sasl.password", For::kBoth},
    Allowed{"enable.sasl.oauthbearer.unsecure.jwt", For::kBoth},
    Allowed{"sasl.oauthbearer.config", For::kBoth},
    Allowed{"sasl.oauthbearer.client.id", For::kLeat},
    Allowed{"sasl.oauthbearer.client.secret", For::kLeat},
    Allowed{"sasl.oauthbearer.scope", For::kLeat},
    Allowed{"sasl.oauthbearer.token.endpoint.url", For::kLeat},
    Allowed{"ssl.ca.location", For::kBoth},
    Allowed{"ssl.ca.pem", For::kBoth},
    Allowed{"ssl.certificate.location", For::kBoth},
    Allowed{"ssl.certificate.pem", For::kBoth},
    Allowed{"ssl.cipher.suites", For::kBoth},
    Allowed{"ssl.crl.location", For::kBoth},
    Allowed{"ssl.curves.list", For::kBoth},
    Allowed{"ssl.endpoint.identification.algorithm", For::kBoth},
    Allowed{"ssl.key.location", For::kBoth},
    Allowed{"ssl.key.password", For::kBoth},
    Allowed{"ssl.key.pem", For::kBoth},
    Allowed{"ssl.keystore.location", For::kBoth},
    Allowed{"ssl.keystore.password", For::kBoth},
    Allowed{"ssl.sigalgs.list", For::kBoth},
    Allowed{"enable.ssl.certificate.verification", For::kBoth},
    // Reading.
    Allowed{"check.crcs", For::kConsumer},
    Allowed{"fetch.error.backoff.ms", For::kConsumer},
    Allowed{"fetch.max.bytes", For::kConsumer},
    Allowed{"fetch.message.max.bytes", For::kConsumer},
    Allowed{"fetch.min.bytes", For::kConsumer},
    Allowed{"fetch.wait.max.ms", For::kConsumer},
    Allowed{"heartbeat.interval.ms", For::kConsumer},
    Allowed{"max.partition.fetch.bytes", For::kConsumer},
    Allowed{"max.poll.interval.ms", For::kConsumer},
    Allowed{"queued.max.messages.kbytes", For::kConsumer},
    Allowed{"queued.min.messages", For::kConsumer},
    Allowed{"receive.message.max.bytes", For::kBoth},
    Allowed{"session.timeout.ms", For::kConsumer},
    // Writing.
    Allowed{"acks", For::kProducer},
    Allowed{"batch.num.messages", For::kProducer},
    Allowed{"batch.size", For::kProducer},
    Allowed{"compression.level", For::kProducer},
    Allowed{"compression.type", For::kProducer},
    Allowed{"linger.ms", For::kProducer},
    Allowed{"message.max.bytes", For::kBoth},
    Allowed{"message.timeout.ms", For::kProducer},
    Allowed{"queue.buffering.max.kbytes", For::kProducer},
    Allowed{"queue.buffering.max.messages", For::kProducer},
    Allowed{"request.timeout.ms", For::kProducer},
    Allowed{"transaction.timeout.ms", For::kProducer},
};

const Allowed* Find(std::string_view name) {
  auto found = std::ranges::find(kAllowed, name, &Allowed::name);
  return found == kAllowed.end() ? nullptr : &*found;
}

// Options of Java's clients, or of librdkafka's, that people will try, and the answer.
std::string_view Instead(std::string_view name) {
  if (name == "sasl.jaas.config") return "give sasl.username and sasl.password instead";
  if (name.starts_with("ssl.truststore"))
    return "give ssl.ca.location, a PEM file, instead";
  if (name == "group.id") return "give the group in the source's field \"group\"";
  if (name == "transactional.id" || name == "enable.idempotence") {
    return "Leat sets it; the sink's field \"delivery\" says what is promised";
  }
  if (name == "isolation.level") return "Leat reads what is committed alone";
  if (name == "auto.offset.reset") return "give the source's field \"start\"";
  if (name.ends_with("class") || name.starts_with("plugin") ||
      name.starts_with("ssl.engine") || name.starts_with("ssl.provider") ||
      name.starts_with("sasl.kerberos")) {
    return "what loads code or runs programs is never allowed";
  }
  return {};
}

Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char error[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) ==
      RD_KAFKA_CONF_OK) {
    return Status::Ok();
  }
  // The library's own text may quote the value.
  return Status::Config(fmt::format(
      "the broker's option \"{}\" does not have a value that Kafka's client takes",
      name));
}

bool Applies(For wanted, Role role) {
  return wanted == For::kBoth ||
         wanted == (role == Role::kConsumer ? For::kConsumer : For::kProducer);
}

}  // namespace

std::string Option(const Broker& broker, std::string_view name,
                   std::string_view otherwise) {
  auto found = broker.options.find(std::string(name));
  return found == broker.options.end() ? std::string(otherwise) : found->second;
}

Status CheckOptions(const Broker& broker) {
  Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : broker.options) {
    const Allowed* allowed = Find(name);
    if (!allowed) {
      std::vector<std::string> names;
      for (const Allowed& one : kAllowed) names.emplace_back(one.name);
      std::string_view instead = Instead(name);
      std::string nearest = Nearest(name, names);
      return Status::Config(
          fmt::format("the broker's option \"{}\" is not allowed; {}", name,
                      !instead.empty()  ? std::string(instead)
                      : nearest.empty() ? "docs/kafka.md lists those that are"
                                        : "did you mean \"" + nearest + "\"?"));
    }
    if (allowed->role != For::kLeat) RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  return Status::Ok();
}

Result<Conf> MakeConf(const Broker& broker, Role role, const Settings& settings) {
  RETURN_IF_ERROR(CheckOptions(broker));
  Conf conf(rd_kafka_conf_new());
  RETURN_IF_ERROR(Set(conf.get(), "bootstrap.servers", Joined(broker.servers, ",")));
  RETURN_IF_ERROR(Set(conf.get(), "client.id", "leat"));
  // Small requests follow one another: none waits until the one before it is answered.
  RETURN_IF_ERROR(Set(conf.get(), "socket.nagle.disable", "true"));
  // Half-open connections are found by the system, not by the next write's time-out.
  RETURN_IF_ERROR(Set(conf.get(), "socket.keepalive.enable", "true"));
  for (const auto& [name, value] : broker.options) {
    if (Applies(Find(name)->role, role)) RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  for (const auto& [name, value] : settings) {
    RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  return conf;
}

}  // namespace leat::topic::kafka
