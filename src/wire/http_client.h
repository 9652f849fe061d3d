// HttpClient: requests to a server that speaks HTTP or HTTPS, one after the other over a
// connection that is kept; libcurl. Certificates are verified, redirects are not followed
// (they could carry a secret to another host), waiting is bounded, and of an answer's
// body no more than 16 MiB is kept. One thread.
//
// Any answer is a success here, whatever its code. Errors: kTransient (not reachable,
// connection lost, too slow: it may have arrived), kConfig (no such URL, a certificate
// that is not trusted), kCancelled. None has the URL, which may itself be a secret: say
// where with HttpOrigin.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace leat {

struct HttpOptions {
  std::string user = {};  // basic authentication; empty: none
  std::string password = {};
  std::string ca = {};  // a file of certificates to trust instead of the system's
  const CancelToken* cancel = nullptr;  // gives up a request in flight; may be null
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string_view body;
};

struct HttpAnswer {
  int64_t code = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;  // as its Retry-After says
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();

  Result<HttpAnswer> Send(const HttpRequest& request);
  // Connects, by TLS where the URL says so, and sends nothing.
  Status Connect(const std::string& url);

 private:
  struct Handle;  // hides curl

  Status Prepare(const std::string& url);
  Status Perform();

  const HttpOptions options_;
  std::unique_ptr<Handle> handle_;
};

// scheme://host:port of a URL; empty where it is none of http or https.
std::string HttpOrigin(const std::string& url);

}  // namespace leat
