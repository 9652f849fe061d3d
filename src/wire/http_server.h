// HttpServer: answers HTTP/1.1 requests; cpp-httplib. A request is admitted by its head,
// before its body is read, and then answered; both are called from the server's own
// threads, several at once. A client that stalls is left after ten seconds, a body larger
// than max_body is refused with 413. No header of CORS is ever sent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace httplib {
struct Request;
}

namespace leat {

// What a client asks. Lives while it is answered.
class HttpCall {
 public:
  explicit HttpCall(const httplib::Request& request) : request_(request) {}

  const std::string& method() const;  // "GET"
  const std::string& path() const;    // percent-decoded, without the query
  const std::string& body() const;
  const std::string& peer() const;  // the client's address
  // Empty: it is not there.
  std::string Header(const char* name) const;
  std::optional<std::string> Query(const char* name) const;
  // Of "application/json; charset=utf-8" the type alone, in lower case.
  std::string MediaType() const;
  // It bears this token. In constant time; never true of an empty one.
  bool Bears(const std::string& token) const;

 private:
  const httplib::Request& request_;
};

struct HttpReply {
  int code = 200;
  std::string body = {};
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// {"error": ...}
HttpReply HttpRefusal(int code, std::string_view error);

struct HttpServerOptions {
  std::string address;
  int port = 0;          // 0: any that is free
  int64_t max_body = 0;  // bytes
  int threads = 8;
  // What to do where another program has the port, for the error.
  std::string remedy = {};
  // Where max_body comes from, for the error: "see max_body".
  std::string limit = {};
};

class HttpServer {
 public:
  struct Handlers {
    // A refusal, or nothing.
    std::function<std::optional<HttpReply>(const HttpCall&)> admit;
    std::function<HttpReply(const HttpCall&)> answer;
  };

  HttpServer(HttpServerOptions options, Handlers handlers);
  // Lets the requests it is in the middle of end.
  ~HttpServer();

  // kConfig: the address cannot be listened on.
  Status Start();
  int port() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace leat
