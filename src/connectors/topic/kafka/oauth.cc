#include "connectors/topic/kafka/oauth.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "base/clock.h"
#include "base/redact.h"
#include "connectors/topic/kafka/settings.h"
#include "core/json.h"
#include "format/json/parse.h"

namespace leat::topic::kafka {
namespace {

constexpr long kTimeoutSeconds = 10;
constexpr size_t kLongestAnswer = 1 << 20;
constexpr int64_t kDefaultLifeSeconds = 300;

size_t Collect(char* data, size_t size, size_t count, void* out) {
  auto& answer = *static_cast<std::string*>(out);
  if (answer.size() + size * count > kLongestAnswer) return 0;
  answer.append(data, size * count);
  return size * count;
}

}  // namespace

std::string SubjectOf(std::string_view token) {
  size_t first = token.find('.');
  size_t second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos) return {};
  const auto text = json::ParseBase64(token.substr(first + 1, second - first - 1));
  auto claims = TryParseJson<nlohmann::json>(text.value_or(""));
  if (!claims.is_object() || !claims.contains("sub") || !claims["sub"].is_string()) {
    return {};
  }
  return claims["sub"];
}

bool OAuth::Wanted(const Broker& broker) {
  return !Option(broker, "sasl.oauthbearer.token.endpoint.url", "").empty();
}

OAuth::OAuth(const Broker& broker)
    : endpoint_(Option(broker, "sasl.oauthbearer.token.endpoint.url", "")),
      id_(Option(broker, "sasl.oauthbearer.client.id", "")),
      secret_(Option(broker, "sasl.oauthbearer.client.secret", "")),
      scope_(Option(broker, "sasl.oauthbearer.scope", "")),
      ca_(Option(broker, "ssl.ca.location", "")) {}

Result<OAuth::Token> OAuth::Fetch() const {
  std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return Status::Transient("no memory for a request of a token");
  std::string form = "grant_type=client_credentials";
  if (!scope_.empty()) {
    char* escaped = curl_easy_escape(curl.get(), scope_.c_str(), 0);
    form += fmt::format("&scope={}", escaped);
    curl_free(escaped);
  }
  std::string answer;
  curl_easy_setopt(curl.get(), CURLOPT_URL, endpoint_.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, form.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt(curl.get(), CURLOPT_USERNAME, id_.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PASSWORD, secret_.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, kTimeoutSeconds);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Collect);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  if (!ca_.empty()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, ca_.c_str());
  CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    return Status::Transient(
        fmt::format("asking {} for a token: {}", endpoint_, curl_easy_strerror(code)));
  }
  long http = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &http);
  auto json = TryParseJson<nlohmann::json>(answer);
  if (http != 200 || !json.is_object() || !json.contains("access_token") ||
      !json["access_token"].is_string()) {
    if (http >= 500) {
      return Status::Transient(fmt::format("{} answers with HTTP {}", endpoint_, http));
    }
    return Status::Config(
        fmt::format("{} {} (HTTP {}); look at the client's id, secret and scope",
                    endpoint_, kRefused, http));
  }
  Token token;
  token.text = json["access_token"];
  RegisterSecret(token.text);
  int64_t life = kDefaultLifeSeconds;
  if (auto e = json.find("expires_in"); e != json.end() && e->is_number()) life = *e;
  token.expires_ms = NowMillis() + life * 1000;
  token.principal = SubjectOf(token.text);
  if (token.principal.empty()) token.principal = id_;
  return token;
}

}  // namespace leat::topic::kafka
