#include "core/api_settings.h"

#include <fmt/format.h>

#include "core/units.h"

namespace leat {

bool IsLoopback(std::string_view address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

Result<ApiSettings> ApiSettings::Parse(std::string_view listen) {
  ApiSettings settings;
  if (listen == "off") return settings;
  const size_t colon = listen.rfind(':');
  const auto port =
      colon == listen.npos ? std::nullopt : ParseInt(listen.substr(colon + 1));
  std::string_view address = listen.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  if (!port || *port < 0 || *port > 65535 || address.empty()) {
    return Status::Config(fmt::format(
        "\"{}\" is no address to listen on; write one such as 127.0.0.1:8083, or off",
        listen));
  }
  settings.address = address;
  settings.port = static_cast<int>(*port);
  return settings;
}

}  // namespace leat
