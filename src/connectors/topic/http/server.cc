#include "connectors/topic/http/server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/json.h"
#include "format/json/reader.h"

namespace leat::topic::http {
namespace {

constexpr int kThreads = 8;
constexpr int kSecondsToSend = 10;  // a client that stalls gives its thread back

void Answer(httplib::Response& response, int status, const nlohmann::ordered_json& body) {
  response.status = status;
  response.set_content(DumpJsonLossy(body) + "\n", "application/json");
}

void Refuse(httplib::Response& response, int status, const std::string& error) {
  Answer(response, status, {{"error", error}});
}

// "application/json; charset=utf-8": the type alone, in lower case.
std::string MediaType(const httplib::Request& request) {
  std::string type = request.get_header_value("Content-Type");
  type.resize(std::min(type.find(';'), type.size()));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::ranges::transform(type, type.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  return type;
}

// The records of a body, as they stand in it.
Result<std::vector<std::string_view>> Split(std::string_view body, bool lines) {
  std::vector<std::string_view> records;
  json::Reader reader;
  std::vector<json::Member> members;
  if (lines) {
    for (size_t number = 1; !body.empty(); number++) {
      const size_t end = std::min(body.find('\n'), body.size());
      const std::string_view line = body.substr(0, end);
      body.remove_prefix(std::min(end + 1, body.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      RETURN_IF_ERROR(reader.Read(line, &members).Within(fmt::format("line {}", number)));
      records.push_back(line);
    }
    return records;
  }
  const size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || body[first] != '[') {
    RETURN_IF_ERROR(reader.Read(body, &members));
    return std::vector{body};
  }
  std::vector<json::Value> values;
  RETURN_IF_ERROR(reader.ReadArray(body, &values));
  for (size_t i = 0; i < values.size(); i++) records.push_back(values[i].text);
  for (size_t i = 0; i < records.size(); i++) {
    RETURN_IF_ERROR(
        reader.Read(records[i], &members).Within(fmt::format("element {}", i + 1)));
  }
  return records;
}

bool SameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

class Server::Listener {
 public:
  Listener(ServerOptions options, Clock& clock, Logger& log, Keep keep)
      : options_(std::move(options)), clock_(clock), log_(log), keep_(std::move(keep)) {}

  ~Listener() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Start() {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server_.set_payload_max_length(static_cast<size_t>(options_.max_body));
    server_.set_read_timeout(kSecondsToSend);
    server_.set_tcp_nodelay(true);
    // Not the library's SO_REUSEPORT, with which two servers would share the port.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          return Admit(request, response) ? httplib::Server::HandlerResponse::Unhandled
                                          : httplib::Server::HandlerResponse::Handled;
        });
    server_.Post(".*", [this](const httplib::Request& request,
                              httplib::Response& response) { Take(request, response); });
    server_.set_error_handler(
        [this](const httplib::Request&, httplib::Response& response) {
          if (response.body.empty())
            Refuse(response, response.status, Reason(response.status));
        });
    if (!server_.bind_to_port(options_.address.c_str(), options_.port)) {
      return Status::Config(fmt::format(
          "cannot listen on {}:{}: {}; stop the program that has the port, or give this "
          "pipeline another `port`",
          options_.address, options_.port, strerror(errno)));
    }
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      ended_ = true;
    });
    // Only one that listens can be stopped.
    while (!server_.is_running() && !ended_) std::this_thread::yield();
    log_.Info("accepting records",
              {{"url", fmt::format("http://{}:{}{}", options_.address, options_.port,
                                   options_.path)}});
    return Status::Ok();
  }

 private:
  std::string Reason(int status) const {
    if (status == 413) {
      return fmt::format("a body may have {} bytes, see max_body", options_.max_body);
    }
    return "the request is not well formed";
  }

  bool Admit(const httplib::Request& request, httplib::Response& response) const {
    if (request.path != options_.path) {
      Refuse(response, 404, "records are accepted by POST " + options_.path);
      return false;
    }
    if (request.method != "POST") {
      response.set_header("Allow", "POST");
      Refuse(response, 405, "records are accepted by POST");
      return false;
    }
    if (!options_.token.empty() && !SameSecret(request.get_header_value("Authorization"),
                                               "Bearer " + options_.token)) {
      response.set_header("WWW-Authenticate", "Bearer");
      Refuse(response, 401, "send the token as Authorization: Bearer TOKEN");
      return false;
    }
    const std::string type = MediaType(request);
    if (type.empty() || type == "text/plain" ||
        type == "application/x-www-form-urlencoded" || type.starts_with("multipart/")) {
      Refuse(response, 415,
             options_.json ? "send Content-Type: application/json, or "
                             "application/x-ndjson with a record on each line"
                           : "send Content-Type: application/octet-stream");
      return false;
    }
    return true;
  }

  void Take(const httplib::Request& request, httplib::Response& response) const {
    std::vector<std::string_view> records{request.body};
    if (options_.json) {
      auto split = Split(request.body, MediaType(request) == "application/x-ndjson");
      if (!split.ok()) return Refuse(response, 400, split.status().message());
      records = *std::move(split);
    }
    if (records.empty()) return Refuse(response, 400, "there is no record in the body");
    RecordsBuilder builder(options_.topic);
    const int64_t now = clock_.WallMicros() / 1000;
    for (const std::string_view record : records) builder.Add(std::nullopt, record, now);
    auto offset = keep_(builder.Finish());
    if (!offset.ok()) {
      log_.Warn("records were refused", {{"error", offset.status().message()}});
      response.set_header("Retry-After", "1");
      return Refuse(response, 503, offset.status().message());
    }
    Answer(
        response, 202,
        {{"accepted", records.size()}, {"topic", options_.topic}, {"offset", *offset}});
  }

  const ServerOptions options_;
  Clock& clock_;
  Logger& log_;
  const Keep keep_;
  httplib::Server server_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

Server::Server(ServerOptions options, Clock& clock, Logger& log, Keep keep)
    : listener_(
          std::make_unique<Listener>(std::move(options), clock, log, std::move(keep))) {}

Server::~Server() = default;

Status Server::Start() { return listener_->Start(); }

}  // namespace leat::topic::http
