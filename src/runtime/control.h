// How commands talk to the process that owns a data folder: it serves <data>/leat.sock,
// one JSON object a line each way. Where nobody runs, the command opens the store itself.
//
// Requests: {"command":"status"}
//           {"command":"dead-letters","pipeline":P,"limit":N,"after":CURSOR}
//           {"command":"dead-letters-delete","pipeline":P,"ids":[ID,...]}
// Answers:  {"ok":true,...} or {"ok":false,"kind":KIND,"error":SENTENCE}
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/status.h"
#include "runtime/view.h"

namespace leat {

class Store;

// Answers requests of commands that are not among the above, with what goes into the
// answer besides "ok"; a JSON object, as the request is. kConfig for an unknown one.
using MoreRequests = std::function<Result<std::string>(
    Store& store, const std::string& command, std::string_view request)>;

// What a request can be answered from.
struct ControlSubject {
  Store* store = nullptr;
  // The pipelines of this process; may be null: it runs none.
  std::function<std::vector<PipelineView>()> views;
  MoreRequests more = nullptr;
};

// Answers one request. Never fails: an error is an answer. Thread-safe as its subject is.
std::string AnswerControl(const ControlSubject& subject, std::string_view request);

// Serves the socket (mode 0600) from a thread of its own until destroyed. The caller
// holds the store's lock, so a socket file left behind by a crash is replaced.
class ControlServer {
 public:
  static Result<std::unique_ptr<ControlServer>> Start(const std::filesystem::path& data,
                                                      ControlSubject subject);
  ~ControlServer();

 private:
  ControlServer() = default;
  void Serve();

  std::filesystem::path socket_;
  ControlSubject subject_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::thread thread_;
};

// Sends one request to the running process and returns its answer; where nobody serves
// the folder, opens its store and answers from there. kConfig: there is no such folder,
// or a process owns it but does not answer.
Result<std::string> CallControl(const std::filesystem::path& data,
                                std::string_view request, const MoreRequests& more = {});

}  // namespace leat
