#include "core/project_settings.h"

#include <array>

#include "base/redact.h"
#include "core/units.h"

namespace leat {
namespace {

constexpr std::string_view kScheme = "kafka://";
constexpr std::string_view kDefaultPort = "9092";

// Options whose values nobody may read: passwords, keys, tokens.
bool IsSecret(std::string_view name) {
  if (name.ends_with(".url") || name.ends_with(".location")) return false;
  constexpr std::array<std::string_view, 4> kWords = {"password", "secret", "token",
                                                      "key"};
  for (std::string_view word : kWords) {
    if (name.find(word) != std::string_view::npos) return true;
  }
  return name == "sasl.jaas.config" || name == "sasl.oauthbearer.config";
}

Result<std::string> Server(std::string_view text) {
  std::string server(text);
  size_t bracket = server.rfind(']');  // of an IPv6 address
  size_t colon = server.rfind(':');
  if (colon == std::string::npos || (bracket != std::string::npos && colon < bracket)) {
    server += ":" + std::string(kDefaultPort);
    colon = server.rfind(':');
  }
  auto port = ParseInt(std::string_view(server).substr(colon + 1));
  if (colon == 0 || !port || *port < 1 || *port > 65535) {
    return Status::Config("\"" + std::string(text) +
                          "\" is no server of the broker; write host:port");
  }
  return server;
}

Status ParseOptions(std::string_view query, Broker* broker) {
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    size_t equals = pair.find('=');
    std::string name = PercentDecoded(pair.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) {
      return Status::Config("an option of the broker has no value; write ?name=value");
    }
    std::string value = PercentDecoded(pair.substr(equals + 1));
    if (IsSecret(name)) RegisterSecret(value);
    if (!broker->options.emplace(name, std::move(value)).second) {
      return Status::Config("the broker's option \"" + name + "\" is given twice");
    }
  }
  return Status::Ok();
}

}  // namespace

Result<Broker> Broker::Parse(std::string_view text) {
  Broker broker;
  if (text == "embedded") return broker;
  if (!text.starts_with(kScheme)) {
    return Status::Config(
        "the broker is \"embedded\" or kafka://host:port,host:port?option=value");
  }
  text.remove_prefix(kScheme.size());
  std::string_view servers = text.substr(0, text.find('?'));
  text.remove_prefix(servers.size());
  if (!text.empty()) RETURN_IF_ERROR(ParseOptions(text.substr(1), &broker));
  if (servers.ends_with('/')) servers.remove_suffix(1);
  if (servers.find('@') != std::string_view::npos) {
    return Status::Config(
        "the broker's user and password are options: "
        "?sasl.username=...&sasl.password=...");
  }
  do {
    std::string_view one = servers.substr(0, servers.find(','));
    servers.remove_prefix(std::min(servers.size(), one.size() + 1));
    ASSIGN_OR_RETURN(std::string server, Server(one));
    broker.servers.push_back(std::move(server));
  } while (!servers.empty());
  return broker;
}

}  // namespace leat
