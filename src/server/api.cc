#include "server/api.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/json.h"
#include "core/units.h"
#include "server/metrics.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;
using State = PipelineStats::State;

constexpr int64_t kMaxBody = 1 << 20;

// "localhost:8083" without the port.
std::string HostOf(const std::string& header) {
  if (header.starts_with('[')) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

bool IsOpen(const Route& route) {
  return route.path == "/health" || route.path == "/ready";
}

// With its name in front.
std::string ToJson(const PipelineView& view) {
  return fmt::format("{{\"name\":{},{}", DumpJsonLossy(Json(view.name)),
                     view.ToJson().substr(1));
}

// Of a command that was refused.
int CodeOf(const Route& route, std::string_view kind) {
  if (kind != "config") return 503;
  if (route.role() == Role::kOperator) return 409;
  return route.of_pipeline() ? 400 : 404;
}

// A page of another origin has one, and so does a browser's own form.
bool FromElsewhere(const HttpCall& call) {
  const std::string origin = call.Header("Origin");
  const size_t scheme = origin.find("://");
  return !origin.empty() &&
         (scheme == origin.npos || origin.substr(scheme + 3) != call.Header("Host"));
}

}  // namespace

Api::Api(ApiSettings settings, ControlSubject subject, Logger& log)
    : settings_(std::move(settings)),
      subject_(std::move(subject)),
      log_(log),
      http_({.address = settings_.address,
             .port = settings_.port,
             .max_body = kMaxBody,
             .remedy = "stop the program that has it, or give leat.yaml another `api`, "
                       "such as 127.0.0.1:8084 or off"},
            {[this](const HttpCall& call) { return Admit(call); },
             [this](const HttpCall& call) { return Answer(call); }}) {}

Result<std::unique_ptr<Api>> Api::Start(ApiSettings settings, ControlSubject subject,
                                        Logger& log) {
  std::unique_ptr<Api> api(new Api(std::move(settings), std::move(subject), log));
  RETURN_IF_ERROR(api->http_.Start());
  log.Info("serving the API",
           {{"url", fmt::format("http://{}:{}", api->settings_.address, api->port())}});
  return api;
}

std::optional<HttpReply> Api::Admit(const HttpCall& call) const {
  auto match = FindRoute(call.method(), call.path());
  if (!match) {
    return HttpRefusal(404, "there is no " + call.path() +
                                "; GET /api/openapi.json lists what there is");
  }
  if (!match->route) {
    HttpReply refusal =
        HttpRefusal(405, fmt::format("{} does not take {}", call.path(), call.method()));
    refusal.headers = {{"Allow", MethodsOf(call.path())}};
    return refusal;
  }
  return IsOpen(*match->route) ? std::nullopt : CheckRights(call, *match->route);
}

std::optional<HttpReply> Api::CheckRights(const HttpCall& call,
                                          const Route& route) const {
  if (FromElsewhere(call)) {
    return HttpRefusal(403, "pages of another origin may not use this API");
  }
  if (settings_.viewer_token.empty() && settings_.operator_token.empty()) {
    const std::string host = HostOf(call.Header("Host"));
    if (host == settings_.address || IsLoopback(host)) return {};
    return HttpRefusal(403, "send a Host of localhost or 127.0.0.1, or set tokens");
  }
  if (call.Bears(settings_.operator_token)) return {};
  const bool viewer = call.Bears(settings_.viewer_token);
  if (viewer && route.role() == Role::kViewer) return {};
  if (viewer) return HttpRefusal(403, "the viewer's token may look, and change nothing");
  HttpReply refusal = HttpRefusal(401, "send a token as Authorization: Bearer TOKEN");
  refusal.headers = {{"WWW-Authenticate", "Bearer"}};
  return refusal;
}

HttpReply Api::Answer(const HttpCall& call) const {
  const auto match = FindRoute(call.method(), call.path());
  if (!match || !match->route) return HttpRefusal(404, "there is no " + call.path());
  if (match->route->command.empty()) return AnswerHere(call, *match);
  HttpReply reply = AnswerCommand(call, *match);
  if (match->route->role() == Role::kOperator) {
    log_.Info("asked by HTTP", {{"peer", call.peer()},
                                {"method", call.method()},
                                {"path", call.path()},
                                {"status", reply.code}});
  }
  return reply;
}

HttpReply Api::AnswerHere(const HttpCall& call, const RouteMatch& match) const {
  const std::string_view path = match.route->path;
  if (path == "/health") return {.body = "{\"status\":\"up\"}\n"};
  if (path == "/ready") return Ready();
  if (path == "/metrics") return Metrics(call.Query("aliases").value_or(""));
  if (path == "/api/openapi.json") return {.body = OpenApi() + "\n"};
  if (path == "/api/pipelines/{name}") return OnePipeline(match.name);
  std::string body = "{\"pipelines\":[";
  for (const PipelineView& view : subject_.views()) {
    if (!body.ends_with('[')) body += ',';
    body += ToJson(view);
  }
  return {.body = body + "]}\n"};
}

HttpReply Api::Metrics(std::string_view names) const {
  MetricAliases aliases;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    if (name == "debezium") {
      aliases.debezium = true;
    } else if (name == "kafka_exporter") {
      aliases.topics = AnswerControl(subject_, R"({"command":"topics"})");
      aliases.groups = AnswerControl(subject_, R"({"command":"groups"})");
    } else {
      return HttpRefusal(400, "aliases are debezium, kafka_exporter, or both: a,b");
    }
  }
  return {.body = PrometheusText(subject_.views(), aliases),
          .type = "text/plain; version=0.0.4; charset=utf-8"};
}

HttpReply Api::OnePipeline(const std::string& name) const {
  for (const PipelineView& view : subject_.views()) {
    if (view.name == name) return {.body = ToJson(view) + "\n"};
  }
  return HttpRefusal(404, "there is no pipeline " + name);
}

bool Api::Knows(const std::string& pipeline) const {
  const auto views = subject_.views();
  return std::ranges::find(views, pipeline, &PipelineView::name) != views.end();
}

HttpReply Api::Ready() const {
  Json waiting = Json::object();
  for (const PipelineView& view : subject_.views()) {
    switch (view.stats.state) {
      case State::kRunning:
      case State::kPaused:
      case State::kStopped:
      case State::kDone: break;
      default: waiting[view.name] = StateName(view.stats.state);
    }
  }
  const bool ready = waiting.empty();
  const Json body = {{"ready", ready}, {"waiting_for", std::move(waiting)}};
  return {.code = ready ? 200 : 503, .body = DumpJson(body) + "\n"};
}

HttpReply Api::AnswerCommand(const HttpCall& call, const RouteMatch& match) const {
  const Route& route = *match.route;
  Json request = {{"command", route.command}};
  if (route.of_pipeline() && !Knows(match.name)) {
    return HttpRefusal(404, "there is no pipeline " + match.name);
  }
  if (!route.field.empty()) request[std::string(route.field)] = match.name;
  for (const QueryParameter& parameter : route.query) {
    const std::string name(parameter.name);
    const auto value = call.Query(name.c_str());
    if (!value && parameter.required) {
      return HttpRefusal(400, fmt::format("{} has to be given: {}", name, parameter.doc));
    }
    if (!value) continue;
    const auto number = ParseInt(*value);
    if (parameter.most == 0) {
      request[name] = *value;
    } else if (number && *number >= 0 && *number <= parameter.most) {
      request[name] = *number;
    } else {
      return HttpRefusal(400,
                         fmt::format("{} is a number up to {}", name, parameter.most));
    }
  }
  Json answer = ParseJson<Json>(AnswerControl(subject_, DumpJsonLossy(request)));
  if (!answer.value("ok", false)) {
    return HttpRefusal(CodeOf(route, answer.value("kind", "")),
                       answer.value("error", ""));
  }
  answer.erase("ok");
  return {.body = DumpJsonLossy(answer) + "\n"};
}

}  // namespace leat
