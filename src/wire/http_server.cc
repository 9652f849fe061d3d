#include "wire/http_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

namespace leat {
namespace {

constexpr int kSecondsToSend = 10;

void Give(httplib::Response& response, HttpReply reply) {
  response.status = reply.code;
  for (const auto& [name, value] : reply.headers) response.set_header(name, value);
  response.set_content(std::move(reply.body), reply.type);
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

const std::string& HttpCall::method() const { return request_.method; }
const std::string& HttpCall::path() const { return request_.path; }
const std::string& HttpCall::body() const { return request_.body; }
const std::string& HttpCall::peer() const { return request_.remote_addr; }

std::string HttpCall::Header(const char* name) const {
  return request_.get_header_value(name);
}

std::optional<std::string> HttpCall::Query(const char* name) const {
  if (!request_.has_param(name)) return std::nullopt;
  return request_.get_param_value(name);
}

std::string HttpCall::MediaType() const {
  std::string type = Header("Content-Type");
  type.resize(std::min(type.find(';'), type.size()));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::ranges::transform(type, type.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  return type;
}

bool HttpCall::Bears(const std::string& token) const {
  return !token.empty() && SameSecret(Header("Authorization"), "Bearer " + token);
}

HttpReply HttpRefusal(int code, std::string_view error) {
  const nlohmann::ordered_json body = {{"error", error}};
  return {.code = code,
          .body = body.dump(-1, ' ', false,
                            nlohmann::ordered_json::error_handler_t::replace) +
                  "\n"};
}

class HttpServer::Listener {
 public:
  Listener(HttpServerOptions options, Handlers handlers)
      : options_(std::move(options)), handlers_(std::move(handlers)) {}

  ~Listener() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Start() {
    SetUp();
    port_ = options_.port;
    const bool bound =
        options_.port == 0
            ? (port_ = server_.bind_to_any_port(options_.address.c_str())) > 0
            : server_.bind_to_port(options_.address.c_str(), options_.port);
    if (!bound) {
      return Status::Config(fmt::format("cannot listen on {}:{}: {}; {}",
                                        options_.address, options_.port, strerror(errno),
                                        options_.remedy));
    }
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      ended_ = true;
    });
    // Only one that listens can be stopped.
    while (!server_.is_running() && !ended_) std::this_thread::yield();
    return Status::Ok();
  }

  int port() const { return port_; }

 private:
  using Handled = httplib::Server::HandlerResponse;

  void SetUp() {
    server_.new_task_queue = [n = options_.threads] {
      return new httplib::ThreadPool(static_cast<size_t>(n));
    };
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
          auto refusal = handlers_.admit(HttpCall(request));
          if (!refusal) return Handled::Unhandled;
          Give(response, *std::move(refusal));
          return Handled::Handled;
        });
    const auto answer = [this](const httplib::Request& request,
                               httplib::Response& response) {
      Give(response, handlers_.answer(HttpCall(request)));
    };
    server_.Get(".*", answer).Post(".*", answer).Put(".*", answer).Delete(".*", answer);
    server_.set_error_handler(
        [this](const httplib::Request&, httplib::Response& response) {
          if (!response.body.empty()) return;
          Give(response, HttpRefusal(response.status, Reason(response.status)));
        });
  }

  std::string Reason(int code) const {
    if (code != 413) return "the request is not well formed";
    return fmt::format("a body may have {} bytes{}{}", options_.max_body,
                       options_.limit.empty() ? "" : ", ", options_.limit);
  }

  const HttpServerOptions options_;
  const Handlers handlers_;
  httplib::Server server_;
  int port_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

HttpServer::HttpServer(HttpServerOptions options, Handlers handlers)
    : listener_(std::make_unique<Listener>(std::move(options), std::move(handlers))) {}

HttpServer::~HttpServer() = default;

Status HttpServer::Start() { return listener_->Start(); }

int HttpServer::port() const { return listener_->port(); }

}  // namespace leat
