// Tokens for SASL/OAUTHBEARER: asked of an OAuth 2.0 token endpoint with the client's own
// credentials (RFC 6749, section 4.4), for Kafka's client to show to the brokers
// (KIP-255).
//
// Owned by a client; called by its background thread. Errors: kTransient from an endpoint
// that cannot be reached, kConfig from one that refuses. No secret is in their text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "core/project_settings.h"

namespace leat::topic::kafka {

class OAuth {
 public:
  struct Token {
    std::string text;
    std::string principal;   // whom it is for
    int64_t expires_ms = 0;  // since 1970 UTC
  };

  // In the text of an error that no retry mends.
  static constexpr char kRefused[] = "gave no token";

  // True when the broker's options name a token endpoint.
  static bool Wanted(const Broker& broker);
  explicit OAuth(const Broker& broker);

  Result<Token> Fetch() const;

 private:
  std::string endpoint_;
  std::string id_;
  std::string secret_;
  std::string scope_;
  std::string ca_;
};

// Of a JSON Web Token: its "sub", or empty when it is none.
std::string SubjectOf(std::string_view token);

}  // namespace leat::topic::kafka
