#include "wire/schema_registry.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <mutex>
#include <nlohmann/json.hpp>

namespace leat {
namespace {

using Json = nlohmann::json;

constexpr long kConnectMillis = 5'000;  // curl takes a long
constexpr long kMillis = 15'000;
constexpr size_t kMostBytes = size_t{16} << 20;
constexpr int kNoSuchSchema = 40403;  // the registry's error code

size_t Append(char* data, size_t size, size_t count, void* to) {
  auto* body = static_cast<std::string*>(to);
  if (body->size() + size * count > kMostBytes) return 0;
  body->append(data, size * count);
  return size * count;
}

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

struct SchemaRegistry::Http {
  Http() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    handle = curl_easy_init();
    headers =
        curl_slist_append(nullptr, "Accept: application/vnd.schemaregistry.v1+json");
    headers = curl_slist_append(headers,
                                "Content-Type: application/vnd.schemaregistry.v1+json");
    // Curl asks before it sends what is long; not every server answers.
    headers = curl_slist_append(headers, "Expect:");
  }
  ~Http() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(handle);
  }
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
};

SchemaRegistry::SchemaRegistry(RegistryOptions options)
    : options_([&] {
        while (options.url.ends_with('/')) options.url.pop_back();
        return std::move(options);
      }()),
      http_(std::make_unique<Http>()) {}

SchemaRegistry::~SchemaRegistry() = default;

Result<SchemaRegistry::Answer> SchemaRegistry::Call(const std::string& path,
                                                    const std::string& body) {
  CURL* const handle = http_->handle;
  if (!handle) return Status::Transient("out of memory");
  const std::string url = options_.url + path;
  Answer answer;
  curl_easy_reset(handle);  // the connection stays
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, http_->headers);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, kMillis);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer.body);
  if (!options_.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(handle, CURLOPT_USERNAME, options_.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, options_.password.c_str());
  }
  if (!options_.ca.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, options_.ca.c_str());
  }
  if (!body.empty()) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.data());
  }
  const CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK) {
    const std::string why = fmt::format("the schema registry at {}: {}", options_.url,
                                        curl_easy_strerror(code));
    const bool mine = code == CURLE_PEER_FAILED_VERIFICATION ||
                      code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
                      code == CURLE_UNSUPPORTED_PROTOCOL;
    return mine ? Status::Config(why + "; check registry.url and registry.ca")
                : Status::Transient(why);
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  answer.code = status;
  return answer;
}

Status SchemaRegistry::Refused(const Answer& answer, std::string_view what) const {
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
                                       what, options_.url, answer.code, message);
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
  ASSIGN_OR_RETURN(const Answer answer, Call(fmt::format("/schemas/ids/{}", id), ""));
  const std::string what = fmt::format("schema {}", id);
  if (answer.code != 200) return Refused(answer, what);
  const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("schema") || !json["schema"].is_string()) {
    return Status::Config(
        fmt::format("{}: what answers at {} is no schema registry", what, options_.url));
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
  ASSIGN_OR_RETURN(const Answer answer,
                   Call("/subjects/" + Escaped(subject) + "/versions",
                        Json{{"schema", schema}}.dump()));
  const std::string what = "registering a schema under " + subject;
  if (answer.code != 200) return Refused(answer, what);
  const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("id") || !json["id"].is_number_integer()) {
    return Status::Config(
        fmt::format("{}: what answers at {} is no schema registry", what, options_.url));
  }
  return ids_[{subject, schema}] = json["id"].get<int32_t>();
}

}  // namespace leat
