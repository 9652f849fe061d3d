// What leat.yaml says of the HTTP API of a daemon. Constant after loading; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace leat {

struct ApiSettings {
  std::string address;  // empty: there is no API
  int port = 0;
  // What a client has to bear; without any, whoever reaches a loopback address may do
  // all.
  std::string viewer_token;    // to look
  std::string operator_token;  // to change things as well

  // "127.0.0.1:8083", "[::]:8083", "localhost:8083" or "off".
  static Result<ApiSettings> Parse(std::string_view listen);
};

// Only this machine reaches it.
bool IsLoopback(std::string_view address);

}  // namespace leat
