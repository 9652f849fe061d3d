// An HTTP server on loopback for tests: keeps what it was sent and answers as told. On a
// port of its own from its construction to its end.
#pragma once

#include <httplib.h>

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace leat {

class HttpTestServer {
 public:
  struct Reply {
    int code = 200;
    std::string body = "ok";
    std::map<std::string, std::string> headers = {};
    bool lost = false;  // the connection ends in the midst of it
  };

  HttpTestServer() {
    const auto handler = [this](const httplib::Request& request,
                                httplib::Response& response) {
      Answer(request, response);
    };
    server_.Get(".*", handler).Post(".*", handler).Put(".*", handler);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~HttpTestServer() {
    server_.stop();
    thread_.join();
  }

  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // What it answers next, one request each; then always 200.
  void Script(std::deque<Reply> replies) {
    std::lock_guard lock(mutex_);
    replies_ = std::move(replies);
  }
  std::vector<httplib::Request> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Answer(const httplib::Request& request, httplib::Response& response) {
    std::lock_guard lock(mutex_);
    requests_.push_back(request);
    Reply reply;
    if (!replies_.empty()) {
      reply = replies_.front();
      replies_.pop_front();
    }
    response.status = reply.code;
    for (const auto& [name, value] : reply.headers) response.set_header(name, value);
    if (reply.lost) {
      response.set_content_provider(
          reply.body.size() + 1, "text/plain",
          [](size_t, size_t, httplib::DataSink&) { return false; });
    } else {
      response.set_content(reply.body, "text/plain");
    }
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::deque<Reply> replies_;
  std::vector<httplib::Request> requests_;
};

}  // namespace leat
