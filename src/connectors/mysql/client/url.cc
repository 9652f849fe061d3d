#include "connectors/mysql/client/url.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace leat::mysql {
namespace {

constexpr std::string_view kForm =
    "write mysql://user:password@host:3306/database, with @ : / ? # % in user, password "
    "or database percent-encoded (%40 for @)";

Result<std::string> Decode(std::string_view text, std::string_view part) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Status::Config(fmt::format(
          "the url's {} has a % that two hexadecimal digits do not follow; {}", part,
          kForm));
    }
    decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return decoded;
}

Result<Micros> ParseTimeout(std::string_view text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  auto [unit, error] = std::from_chars(text.data(), end, number);
  std::string_view name(unit, static_cast<size_t>(end - unit));
  int64_t micros = name == "ms"  ? 1000
                   : name == "s" ? 1'000'000
                   : name == "m" ? 60'000'000
                                 : 0;
  constexpr int64_t kHour = 3'600'000'000;
  if (error != std::errc() || micros == 0 || number <= 0 || number > kHour / micros) {
    return Status::Config(
        "the url's connect_timeout is not a time such as 500ms, 10s or 1m, up to an "
        "hour");
  }
  return Micros(number * micros);
}

// "host", "host:port", "[::1]:port".
Status ParseHost(std::string_view text, Url* url) {
  size_t colon = text.rfind(':');
  if (!text.empty() && text.front() == '[') {
    size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return Status::Config("the url's host has a [ without a ]");
    }
    url->host = std::string(text.substr(1, close - 1));
    colon = close + 1 < text.size() && text[close + 1] == ':' ? close + 1
                                                              : std::string_view::npos;
  } else {
    url->host = std::string(text.substr(0, colon));
  }
  if (colon == std::string_view::npos) return Status::Ok();
  std::string_view port = text.substr(colon + 1);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url->port);
  if (error != std::errc() || end != port.data() + port.size() || url->port == 0) {
    return Status::Config(
        fmt::format("the url's port is not a number from 1 to 65535; {}", kForm));
  }
  return Status::Ok();
}

}  // namespace

Status Url::ParseOption(std::string_view name, std::string value) {
  if (name == "tls") {
    if (value == "off") {
      tls = Tls::kOff;
    } else if (value == "prefer") {
      tls = Tls::kPrefer;
    } else if (value == "verify") {
      tls = Tls::kVerify;
    } else {
      return Status::Config("the url's tls is one of off, prefer and verify");
    }
  } else if (name == "ca") {
    ca = std::move(value);
  } else if (name == "socket") {
    socket = std::move(value);
  } else if (name == "connect_timeout") {
    ASSIGN_OR_RETURN(connect_timeout, ParseTimeout(value));
  } else {
    // Not named here: it may be the rest of a password with a bare '?'.
    return Status::Config(fmt::format(
        "the url has an option other than tls, ca, socket and connect_timeout; {}",
        kForm));
  }
  return Status::Ok();
}

Result<Url> Url::Parse(std::string_view text) {
  Url url;
  size_t scheme = text.find("://");
  std::string_view name = text.substr(0, scheme);
  if (scheme == std::string_view::npos || (name != "mysql" && name != "mariadb")) {
    return Status::Config(fmt::format("the url does not start with mysql://; {}", kForm));
  }
  text.remove_prefix(scheme + 3);
  std::string_view options;
  if (size_t mark = text.find('?'); mark != std::string_view::npos) {
    options = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  if (size_t slash = text.find('/'); slash != std::string_view::npos) {
    ASSIGN_OR_RETURN(url.database, Decode(text.substr(slash + 1), "database"));
    text = text.substr(0, slash);
  }
  size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) {
    return Status::Config(fmt::format("the url names no user; {}", kForm));
  }
  std::string_view user = text.substr(0, at);
  if (size_t colon = user.find(':'); colon != std::string_view::npos) {
    ASSIGN_OR_RETURN(url.password_, Decode(user.substr(colon + 1), "password"));
    user = user.substr(0, colon);
  }
  ASSIGN_OR_RETURN(url.user, Decode(user, "user"));
  RETURN_IF_ERROR(ParseHost(text.substr(at + 1), &url));
  while (!options.empty()) {
    size_t end = std::min(options.find('&'), options.size());
    std::string_view option = options.substr(0, end);
    options.remove_prefix(std::min(end + 1, options.size()));
    size_t equals = std::min(option.find('='), option.size());
    std::string_view value = option.substr(std::min(equals + 1, option.size()));
    ASSIGN_OR_RETURN(std::string decoded, Decode(value, "options"));
    RETURN_IF_ERROR(url.ParseOption(option.substr(0, equals), std::move(decoded)));
  }
  if (url.host.empty() && url.socket.empty()) {
    return Status::Config(fmt::format("the url names no host; {}", kForm));
  }
  if (url.tls != Tls::kVerify && !url.ca.empty()) {
    return Status::Config("the url has ca without tls=verify; add tls=verify");
  }
  return url;
}

std::string Url::Where() const {
  if (!socket.empty()) return fmt::format("{}@{}", user, socket);
  if (host.find(':') != std::string::npos)
    return fmt::format("{}@[{}]:{}", user, host, port);
  return fmt::format("{}@{}:{}", user, host, port);
}

}  // namespace leat::mysql
