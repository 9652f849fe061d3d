#include "runtime/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "store/store.h"

namespace leat {
namespace {

using nlohmann::ordered_json;

constexpr int kMaxPage = 10'000;
constexpr size_t kMaxLine = 16 << 20;
// A client that says nothing must not hold up the process when it wants to leave.
constexpr timeval kRequestWithin{2, 0};
constexpr timeval kAnswerWithin{10, 0};

std::string Line(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string ErrorLine(const Status& status) {
  return Line({{"ok", false},
               {"kind", ErrorKindName(status.kind())},
               {"error", status.message()}});
}

Result<ordered_json> ListDeadLetters(const Store& store, const ordered_json& request) {
  std::string pipeline = request.value("pipeline", "");
  int limit = std::clamp(request.value("limit", 100), 0, kMaxPage);
  ASSIGN_OR_RETURN(int64_t count, store.CountDeadLetters(pipeline));
  ASSIGN_OR_RETURN(auto page,
                   store.ListDeadLetters(pipeline, request.value("after", ""), limit));
  ordered_json rows = ordered_json::array();
  for (const StoredDeadLetter& d : page) {
    rows.push_back({{"id", d.id},
                    {"table", d.letter.table},
                    {"reason", d.letter.reason},
                    {"position", d.letter.position.text},
                    {"time", d.letter.time},
                    {"row", d.letter.row}});
  }
  return ordered_json{{"ok", true}, {"count", count}, {"rows", rows}};
}

Result<ordered_json> ListPipelines(const ControlSubject& subject) {
  ASSIGN_OR_RETURN(auto known, subject.store->Pipelines());
  ordered_json pipelines = ordered_json::object();
  for (const std::string& name : known) {
    ASSIGN_OR_RETURN(int64_t letters, subject.store->CountDeadLetters(name));
    pipelines[name] = {{"state", "not running"}, {"dead_letters", letters}};
  }
  if (subject.views) {
    for (const PipelineView& view : subject.views()) {
      pipelines[view.name] = ParseJson<ordered_json>(view.ToJson());
    }
  }
  return ordered_json{
      {"ok", true}, {"pid", subject.views ? getpid() : 0}, {"pipelines", pipelines}};
}

Result<ordered_json> AnswerPipeline(const ControlSubject& subject,
                                    const ordered_json& request) {
  std::string command = request.at("command");
  if (command == "status") return ListPipelines(subject);
  if (command == "dead-letters") return ListDeadLetters(*subject.store, request);
  if (command == "dead-letters-delete") {
    RETURN_IF_ERROR(subject.store->DeleteDeadLetters(
        request.at("pipeline"), request.at("ids").get<std::vector<std::string>>()));
    return ordered_json{{"ok", true}};
  }
  if (!subject.more) return Status::Config("unknown command " + command);
  ASSIGN_OR_RETURN(const std::string more,
                   subject.more(*subject.store, command, request.dump()));
  ordered_json answer = {{"ok", true}};
  answer.update(ParseJson<ordered_json>(more));
  return answer;
}

// A socket's path has 107 bytes at most; a folder of any length is reached through a
// descriptor of it.
class SocketAddress {
 public:
  explicit SocketAddress(const std::filesystem::path& data)
      : folder_(open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address_.sun_family = AF_UNIX;
    std::string path = "/proc/self/fd/" + std::to_string(folder_) + "/leat.sock";
    std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
  }
  ~SocketAddress() {
    if (folder_ >= 0) close(folder_);
  }
  SocketAddress(const SocketAddress&) = delete;
  SocketAddress& operator=(const SocketAddress&) = delete;

  bool ok() const { return folder_ >= 0; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  socklen_t size() const { return sizeof address_; }

 private:
  int folder_;
  sockaddr_un address_{};
};

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Up to the end of a line; nothing when the other side left or was too slow.
std::optional<std::string> ReceiveLine(int fd) {
  std::string line;
  char buffer[4096];
  while (line.size() < kMaxLine) {
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return std::nullopt;
    line.append(buffer, static_cast<size_t>(n));
    if (line.back() == '\n') {
      line.pop_back();
      return line;
    }
  }
  return std::nullopt;
}

void LimitWaits(int fd, const timeval& limit) {
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Status SocketError(const std::filesystem::path& socket, const char* doing) {
  return Status::Config(std::string("cannot ") + doing + " " + socket.string() + ": " +
                        strerror(errno));
}

// Nothing when nobody serves the folder.
Result<std::optional<std::string>> Ask(const std::filesystem::path& data,
                                       std::string_view request) {
  SocketAddress address(data);
  if (!address.ok()) {
    return Status::Config("there is no data folder " + data.string() +
                          "; name the right one with --data");
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return SocketError(data / "leat.sock", "make");
  LimitWaits(fd, kAnswerWithin);
  std::optional<std::string> answer;
  if (connect(fd, address.get(), address.size()) != 0) {
    int error = errno;
    close(fd);
    if (error == ENOENT || error == ECONNREFUSED) return answer;
    errno = error;
    return SocketError(data / "leat.sock", "connect to");
  }
  if (SendAll(fd, std::string(request) + "\n")) answer = ReceiveLine(fd);
  close(fd);
  if (answer) return answer;
  return Status::Config("the process that owns " + data.string() +
                        " does not answer; try again, or stop it");
}

}  // namespace

std::string AnswerControl(const ControlSubject& subject, std::string_view request) {
  try {
    auto answer = AnswerPipeline(subject, ParseJson<ordered_json>(request));
    return answer.ok() ? Line(*answer) : ErrorLine(answer.status());
  } catch (const nlohmann::json::exception& e) {
    return ErrorLine(Status::Config(std::string("not a request: ") + e.what()));
  }
}

Result<std::unique_ptr<ControlServer>> ControlServer::Start(
    const std::filesystem::path& data, ControlSubject subject) {
  std::unique_ptr<ControlServer> server(new ControlServer);
  server->socket_ = data / "leat.sock";
  server->subject_ = std::move(subject);
  SocketAddress address(data);
  server->listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!address.ok() || server->listener_ < 0) {
    return SocketError(server->socket_, "make");
  }
  unlink(server->socket_.c_str());
  // Set on the descriptor, the mode is there before the name is.
  fchmod(server->listener_, 0600);
  if (bind(server->listener_, address.get(), address.size()) != 0 ||
      chmod(server->socket_.c_str(), 0600) != 0 || listen(server->listener_, 8) != 0 ||
      pipe2(server->wake_, O_CLOEXEC) != 0) {
    return SocketError(server->socket_, "serve");
  }
  server->thread_ = std::thread([s = server.get()] { s->Serve(); });
  return server;
}

ControlServer::~ControlServer() {
  if (thread_.joinable()) {
    close(wake_[1]);
    thread_.join();
    close(wake_[0]);
    unlink(socket_.c_str());
  }
  if (listener_ >= 0) close(listener_);
}

void ControlServer::Serve() {
  for (;;) {
    pollfd events[] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (poll(events, 2, -1) < 0 && errno != EINTR) return;
    if (events[1].revents) return;
    if (!(events[0].revents & POLLIN)) continue;
    int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    LimitWaits(connection, kRequestWithin);
    if (std::optional<std::string> request = ReceiveLine(connection)) {
      SendAll(connection, AnswerControl(subject_, *request) + "\n");
    }
    close(connection);
  }
}

Result<std::string> CallControl(const std::filesystem::path& data,
                                std::string_view request, const MoreRequests& more) {
  ASSIGN_OR_RETURN(std::optional<std::string> answer, Ask(data, request));
  if (answer) return *answer;
  auto store = Store::Open(data);
  if (store.ok()) return AnswerControl({store->get(), nullptr, more}, request);
  // Whoever has it may listen by now: opening waited for a while.
  ASSIGN_OR_RETURN(answer, Ask(data, request));
  if (answer) return *answer;
  return store.status();
}

}  // namespace leat
