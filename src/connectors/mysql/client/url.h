// Where a server is and as whom to go there, from a pipeline file's `url`:
//   mysql://user:password@host:port/database?tls=off|prefer|verify&ca=FILE
//                                           &socket=PATH&connect_timeout=10s
// User, password, database and the options are percent-decoded. The password can be given
// to the client library but is part of no text made here, errors included. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace leat::mysql {

class Url {
 public:
  enum class Tls : uint8_t {
    kOff,
    kPrefer,  // the default: when the server offers it; its certificate is not looked at
    kVerify,  // always, with a certificate of a known authority and this host's name
  };

  // Errors: kConfig, without the text itself.
  static Result<Url> Parse(std::string_view text);

  // For messages: "user@host:port", or "user@/path/of/socket".
  std::string Where() const;

  std::string host = "127.0.0.1";
  uint16_t port = 3306;
  std::string user;
  std::string database;  // may be empty
  std::string socket;    // instead of host and port
  Tls tls = Tls::kPrefer;
  std::string ca;  // a PEM file; empty: the system's authorities
  Micros connect_timeout = std::chrono::seconds(10);

  // For mysql_real_connect alone.
  const std::string& RevealPassword() const { return password_; }

 private:
  Status ParseOption(std::string_view name, std::string value);

  std::string password_;
};

}  // namespace leat::mysql
