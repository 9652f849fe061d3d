#include "wire/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace leat {
namespace {

constexpr long kConnectMillis = 5'000;  // curl takes a long
constexpr long kMillis = 15'000;
constexpr size_t kMostBytes = size_t{16} << 20;

size_t Append(char* data, size_t size, size_t count, void* to) {
  auto* body = static_cast<std::string*>(to);
  body->append(data, std::min(size * count, kMostBytes - body->size()));
  return size * count;
}

int Cancelled(void* token, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const CancelToken*>(token)->cancelled() ? 1 : 0;
}

// Trying again does not mend it.
bool IsConfig(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
}

}  // namespace

struct HttpClient::Handle {
  Handle() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    curl = curl_easy_init();
  }
  ~Handle() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* curl = nullptr;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};
};

HttpClient::HttpClient(HttpOptions options)
    : options_(std::move(options)), handle_(std::make_unique<Handle>()) {}

HttpClient::~HttpClient() = default;

Status HttpClient::Prepare(const std::string& url) {
  CURL* const curl = handle_->curl;
  if (!curl) return Status::Transient("out of memory");
  curl_easy_reset(curl);  // the connection stays
  handle_->error[0] = '\0';
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->error.data());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kMillis);
  if (options_.cancel) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Cancelled);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, options_.cancel);
  }
  if (!options_.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, options_.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, options_.password.c_str());
  }
  if (!options_.ca.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca.c_str());
  return Status::Ok();
}

Status HttpClient::Perform() {
  const CURLcode code = curl_easy_perform(handle_->curl);
  if (code == CURLE_OK) return Status::Ok();
  if (code == CURLE_ABORTED_BY_CALLBACK) return Status::Cancelled("asked to leave");
  const char* const detail = handle_->error.data();
  const std::string why = *detail ? detail : curl_easy_strerror(code);
  return IsConfig(code) ? Status::Config(why) : Status::Transient(why);
}

Result<HttpAnswer> HttpClient::Send(const HttpRequest& request) {
  RETURN_IF_ERROR(Prepare(request.url));
  CURL* const curl = handle_->curl;
  curl_slist_free_all(handle_->headers);
  // Curl asks before it sends what is long; not every server answers.
  handle_->headers = curl_slist_append(nullptr, "Expect:");
  for (const std::string& header : request.headers) {
    handle_->headers = curl_slist_append(handle_->headers, header.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, handle_->headers);
  if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  HttpAnswer answer;
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  RETURN_IF_ERROR(Perform());
  long code = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
  answer.code = code;
  curl_off_t wait = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0) {
    answer.retry_after = std::chrono::seconds(wait);
  }
  return answer;
}

Status HttpClient::Connect(const std::string& url) {
  RETURN_IF_ERROR(Prepare(url));
  curl_easy_setopt(handle_->curl, CURLOPT_CONNECT_ONLY, 1L);
  return Perform();
}

std::string HttpOrigin(const std::string& url) {
  std::string origin;
  CURLU* const parsed = curl_url();
  auto part = [&](CURLUPart which, unsigned flags) -> std::string {
    char* text = nullptr;
    if (curl_url_get(parsed, which, &text, flags) != CURLUE_OK) return "";
    std::string copy = text;
    curl_free(text);
    return copy;
  };
  if (parsed && curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK) {
    const std::string scheme = part(CURLUPART_SCHEME, 0);
    const std::string port = part(CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    if (scheme == "http" || scheme == "https") {
      origin =
          scheme + "://" + part(CURLUPART_HOST, 0) + (port.empty() ? "" : ":" + port);
    }
  }
  curl_url_cleanup(parsed);
  return origin;
}

}  // namespace leat
