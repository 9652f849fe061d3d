// Server: takes records by POST at one path, and answers when they are kept.
//
// 202 {"accepted":2,"topic":"orders","offset":17} once `keep` has them on disk. Else a
// status of 400 to 503 and {"error":"..."}: nothing of the body was kept, except after
// 503, where a client that sends again may send twice. Bodies: with `json` a JSON object,
// an array of them (all or none), or one on each line as application/x-ndjson; without, a
// record of any bytes. Forms and text/plain are refused: a page in a browser can send
// those to a server on its own machine without asking.
//
// Listens from Start to its end, on threads of its own; they call `keep`, several at
// once. Errors: kConfig where the address cannot be listened on.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "format/records.h"
#include "wire/http_server.h"

namespace leat::topic::http {

struct ServerOptions {
  std::string address;
  int port = 0;
  std::string path;
  int64_t max_body = 0;  // bytes
  std::string token;     // that a client has to bear; empty: none
  bool json = true;
  std::string topic;
};

class Server {
 public:
  // Makes the records durable; answers the first one's offset.
  using Keep = std::function<Result<int64_t>(Records)>;

  Server(ServerOptions options, Clock& clock, Logger& log, Keep keep);

  Status Start();

 private:
  std::optional<HttpReply> Admit(const HttpCall& call) const;
  HttpReply Take(const HttpCall& call) const;

  const ServerOptions options_;
  Clock& clock_;
  Logger& log_;
  const Keep keep_;
  HttpServer http_;  // last: it calls the rest until it has ended
};

}  // namespace leat::topic::http
