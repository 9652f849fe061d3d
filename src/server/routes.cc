#include "server/routes.h"

#include <fmt/format.h>

#include "core/json.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr QueryParameter kAliases[] = {
    {"aliases", 0, "",
     "Other programs' names as well: debezium, kafka_exporter, or both with a comma"}};
constexpr QueryParameter kPage[] = {
    {"limit", 10'000, "100", "How many"},
    {"after", 0, "", "The id of the last one of the page before"}};
constexpr QueryParameter kLogLines[] = {
    {"limit", 10'000, "100", "The newest so many"},
    {"level", 0, "debug", "Of this level or a higher one: debug, info, warn, error"},
    {"since", 0, "", "From then on: how long ago (10m), or a time"}};
constexpr QueryParameter kReset[] = {
    {"to", 0, "", "earliest, latest, an offset, a time or how long ago", true},
    {"topic", 0, "", "Only in this topic"}};

constexpr Route kRoutes[] = {
    {"GET", "/health", "", "", "The daemon answers"},
    {"GET", "/ready", "", "",
     "Every pipeline that is wanted runs; 503: not all of them do"},
    {"GET", "/metrics", "", "", "Metrics in Prometheus' text format", kAliases},
    {"GET", "/api/openapi.json", "", "", "This document"},
    {"GET", "/api/pipelines", "", "", "All pipelines, as leat status --output json"},
    {"GET", "/api/pipelines/{name}", "", "", "One pipeline"},
    {"POST", "/api/pipelines/{name}/start", "start", "name",
     "Run what is stopped, paused, failed or done"},
    {"POST", "/api/pipelines/{name}/stop", "stop", "name",
     "Stop it until somebody starts it, or the daemon begins anew"},
    {"POST", "/api/pipelines/{name}/restart", "restart", "name",
     "End it and start it anew"},
    {"POST", "/api/pipelines/{name}/pause", "pause", "name",
     "Stop it until it is resumed, also over a restart of the daemon"},
    {"POST", "/api/pipelines/{name}/resume", "resume", "name", "End a pause"},
    {"POST", "/api/pipelines/{name}/reset", "reset", "name",
     "Let one that does not run start over from its source's configured start"},
    {"GET", "/api/pipelines/{name}/dead-letters", "dead-letters", "pipeline",
     "Rows that were set aside, oldest first", kPage},
    {"GET", "/api/pipelines/{name}/logs", "logs", "pipeline",
     "What it has logged, the newest last", kLogLines},
    {"GET", "/api/topics", "topics", "", "The topics of the project's broker"},
    {"GET", "/api/topics/{name}", "topics", "topic", "One topic"},
    {"GET", "/api/groups", "groups", "",
     "How far each group has read, and what it lags behind"},
    {"GET", "/api/groups/{name}", "groups", "group", "One group"},
    {"POST", "/api/groups/{name}/reset", "groups-reset", "group",
     "Set where a group goes on, as leat offsets --reset", kReset},
    {"POST", "/api/reload", "reload", "",
     "Read the project's files anew; only pipelines that changed restart"},
    {"POST", "/api/shutdown", "shutdown", "", "End all pipelines and the daemon"}};

// What stands for {name}, where the path is one of the route's.
std::optional<std::string> Match(std::string_view pattern, std::string_view path) {
  constexpr std::string_view kName = "{name}";
  const size_t at = pattern.find(kName);
  if (at == pattern.npos) {
    return pattern == path ? std::optional<std::string>("") : std::nullopt;
  }
  const std::string_view before = pattern.substr(0, at);
  const std::string_view after = pattern.substr(at + kName.size());
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after)) {
    return std::nullopt;
  }
  const std::string_view name =
      path.substr(before.size(), path.size() - before.size() - after.size());
  if (name.find('/') != name.npos) return std::nullopt;
  return std::string(name);
}

Json Describe(const QueryParameter& parameter) {
  Json schema = {{"type", "string"}};
  if (parameter.most > 0) {
    schema = {{"type", "integer"}, {"minimum", 0}, {"maximum", parameter.most}};
  }
  return {{"name", parameter.name},
          {"in", "query"},
          {"required", parameter.required},
          {"description",
           parameter.fallback.empty()
               ? std::string(parameter.doc)
               : fmt::format("{}; {} unless given", parameter.doc, parameter.fallback)},
          {"schema", std::move(schema)}};
}

Json Answer(const char* description, const char* schema) {
  return {{"description", description},
          {"content",
           {{"application/json",
             {{"schema", {{"$ref", std::string("#/components/schemas/") + schema}}}}}}}};
}

Json Operation(const Route& route) {
  Json parameters = Json::array();
  Json answers;
  const bool named = route.path.find('{') != route.path.npos;
  if (route.path == "/metrics") {
    answers["200"] = {{"description", route.summary},
                      {"content", {{"text/plain", {{"schema", {{"type", "string"}}}}}}}};
  } else {
    answers["200"] =
        Answer("Done", route.path == "/api/pipelines/{name}" ? "Pipeline" : "Object");
  }
  if (named) {
    parameters.push_back({{"name", "name"},
                          {"in", "path"},
                          {"required", true},
                          {"description", "What it is called"},
                          {"schema", {{"type", "string"}, {"minLength", 1}}}});
    answers["404"] = Answer("There is nothing of that name", "Error");
  }
  for (const QueryParameter& parameter : route.query) {
    parameters.push_back(Describe(parameter));
    answers["400"] = Answer("A parameter is not what it has to be", "Error");
  }
  if (!route.command.empty()) {
    if (route.role() == Role::kOperator) {
      answers["409"] = Answer("It cannot be done now", "Error");
    }
    answers["503"] = Answer("What it needs does not answer", "Error");
  }
  if (route.path == "/ready") answers["503"] = Answer("Not all run", "Object");
  if (route.path != "/health" && route.path != "/ready") {
    answers["401"] = Answer("A token is needed", "Error");
    answers["403"] = Answer("This token, or this origin, may not", "Error");
  }
  return {{"summary", route.summary},
          {"parameters", std::move(parameters)},
          {"responses", std::move(answers)}};
}

}  // namespace

std::span<const Route> Routes() { return kRoutes; }

std::optional<RouteMatch> FindRoute(std::string_view method, std::string_view path) {
  std::optional<RouteMatch> found;
  for (const Route& route : kRoutes) {
    auto name = Match(route.path, path);
    if (!name) continue;
    if (route.method == method) return RouteMatch{&route, *std::move(name)};
    found = RouteMatch{};
  }
  return found;
}

std::string MethodsOf(std::string_view path) {
  std::string methods;
  for (const Route& route : kRoutes) {
    if (!Match(route.path, path)) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method;
  }
  return methods;
}

std::string OpenApi() {
  Json paths;
  for (const Route& route : kRoutes) {
    const std::string method = route.method == "GET" ? "get" : "post";
    paths[std::string(route.path)][method] = Operation(route);
  }
  const Json object = {{"type", "object"}};
  Json pipeline = object;
  for (const char* text : {"name", "state", "why", "source", "sink", "last_error"}) {
    pipeline["properties"][text] = {{"type", "string"}};
  }
  for (const char* number :
       {"rows", "bytes", "epochs", "restarts", "retries", "lag_micros", "dead_letters",
        "queue_bytes", "last_commit"}) {
    pipeline["properties"][number] = {{"type", "integer"}};
  }
  Json error = object;
  error["properties"]["error"] = {{"type", "string"}};
  error["required"] = {"error"};
  const Json document = {
      {"openapi", "3.1.0"},
      {"info", {{"title", "Leat"}, {"version", LEAT_VERSION}}},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", {{"Object", object}, {"Pipeline", pipeline}, {"Error", error}}},
        {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
      {"security", Json::array({Json::object(), {{"token", Json::array()}}})}};
  return DumpJson(document);
}

}  // namespace leat
