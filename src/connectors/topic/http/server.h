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
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "format/records.h"

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
  // Lets the requests it is in the middle of end.
  ~Server();

  Status Start();

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace leat::topic::http
