// Api: a daemon's HTTP server: health, metrics in Prometheus' text format, and what
// commands do through the control socket (routes.h).
//
// Where tokens are set, everything but /health and /ready needs one: a viewer's to look,
// an operator's to change. Without tokens only names and addresses of loopback are
// answered, so that a page in a browser cannot come in by a name of its own (DNS
// rebinding); a request from the page of another origin is refused in any case. Every
// change is noted in the log, with who asked and what became of it.
//
// Serves from Start to its end, on threads of its own.
#pragma once

#include <memory>
#include <optional>

#include "base/log.h"
#include "core/api_settings.h"
#include "runtime/control.h"
#include "server/routes.h"
#include "wire/http_server.h"

namespace leat {

class Api {
 public:
  // Borrows the log. kConfig: the address cannot be listened on.
  static Result<std::unique_ptr<Api>> Start(ApiSettings settings, ControlSubject subject,
                                            Logger& log);

  int port() const { return http_.port(); }

 private:
  Api(ApiSettings settings, ControlSubject subject, Logger& log);
  std::optional<HttpReply> Admit(const HttpCall& call) const;
  std::optional<HttpReply> CheckRights(const HttpCall& call, const Route& route) const;
  HttpReply Answer(const HttpCall& call) const;
  HttpReply AnswerHere(const HttpCall& call, const RouteMatch& match) const;
  HttpReply Metrics(std::string_view aliases) const;
  HttpReply AnswerCommand(const HttpCall& call, const RouteMatch& match) const;
  HttpReply Ready() const;
  HttpReply OnePipeline(const std::string& name) const;
  bool Knows(const std::string& pipeline) const;

  const ApiSettings settings_;
  const ControlSubject subject_;
  Logger& log_;
  HttpServer http_;  // last: it calls the rest until it has ended
};

}  // namespace leat
