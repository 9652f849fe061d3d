#include "wire/schema_registry.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace leat {
namespace {

using Json = nlohmann::json;

constexpr int kNoSuchSchema = 40403;  // the registry's error code

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return out;
}

}  // namespace

SchemaRegistry::SchemaRegistry(RegistryOptions options)
    : url_([&] {
        while (options.url.ends_with('/')) options.url.pop_back();
        return std::move(options.url);
      }()),
      http_({std::move(options.user), std::move(options.password), std::move(options.ca),
             nullptr}) {}

Result<HttpAnswer> SchemaRegistry::Call(const std::string& path, std::string_view body) {
  HttpRequest request;
  request.method = body.empty() ? "GET" : "POST";
  request.url = url_ + path;
  request.headers = {"Accept: application/vnd.schemaregistry.v1+json",
                     "Content-Type: application/vnd.schemaregistry.v1+json"};
  request.body = body;
  auto answer = http_.Send(request);
  if (answer.ok()) return answer;
  const Status failed =
      answer.status().Within(fmt::format("the schema registry at {}", url_));
  if (failed.kind() != ErrorKind::kConfig) return failed;
  return Status::Config(failed.message() + "; check registry.url and registry.ca");
}

Status SchemaRegistry::Refused(const HttpAnswer& answer, std::string_view what) const {
  const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  std::string message;
  int code = 0;
  if (json.is_object()) {
    if (json.contains("message") && json["message"].is_string()) {
      message = ": " + json["message"].get<std::string>();
    }
    if (json.contains("error_code") && json["error_code"].is_number_integer()) {
      code = json["error_code"].get<int>();
    }
  }
  const std::string text = fmt::format("{}: the schema registry at {} answered {}{}",
                                       what, url_, answer.code, message);
  if (answer.code == 401 || answer.code == 403) {
    return Status::Config(text + "; check registry.user and registry.password");
  }
  if (answer.code == 404 && code == kNoSuchSchema) return Status::Data(text);
  if (answer.code == 408 || answer.code == 429 || answer.code >= 500) {
    return Status::Transient(text);
  }
  return Status::Config(text);
}

Result<std::string> SchemaRegistry::GetSchema(int32_t id) {
  const auto known = schemas_.find(id);
  if (known != schemas_.end()) return known->second;
  ASSIGN_OR_RETURN(const HttpAnswer answer, Call(fmt::format("/schemas/ids/{}", id), ""));
  const std::string what = fmt::format("schema {}", id);
  if (answer.code != 200) return Refused(answer, what);
  const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("schema") || !json["schema"].is_string()) {
    return Status::Config(
        fmt::format("{}: what answers at {} is no schema registry", what, url_));
  }
  const bool avro = !json.contains("schemaType") || json["schemaType"] == "AVRO";
  const bool whole = !json.contains("references") || json["references"].empty();
  if (!avro || !whole) {
    return Status::Data(avro ? what + " refers to other schemas, which is not supported"
                             : what + " is not of Avro");
  }
  return schemas_[id] = json["schema"].get<std::string>();
}

Result<int32_t> SchemaRegistry::Register(const std::string& subject,
                                         const std::string& schema) {
  const auto known = ids_.find({subject, schema});
  if (known != ids_.end()) return known->second;
  ASSIGN_OR_RETURN(const HttpAnswer answer,
                   Call("/subjects/" + Escaped(subject) + "/versions",
                        Json{{"schema", schema}}.dump()));
  const std::string what = "registering a schema under " + subject;
  if (answer.code != 200) return Refused(answer, what);
  const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("id") || !json["id"].is_number_integer()) {
    return Status::Config(
        fmt::format("{}: what answers at {} is no schema registry", what, url_));
  }
  return ids_[{subject, schema}] = json["id"].get<int32_t>();
}

}  // namespace leat
