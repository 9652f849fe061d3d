#include "runtime/manager_requests.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

struct OfOne {
  std::string_view command;
  Status (Manager::*call)(const std::string& name);
};
constexpr OfOne kOfOne[] = {{"start", &Manager::Start},     {"stop", &Manager::Stop},
                            {"restart", &Manager::Restart}, {"pause", &Manager::Pause},
                            {"resume", &Manager::Resume},   {"reset", &Manager::Reset}};

Result<Json> AskOne(Manager& manager, const OfOne& request, const std::string& name) {
  RETURN_IF_ERROR((manager.*request.call)(name));
  const auto view = manager.View(name);
  return Json{{"state", view ? StateName(view->stats.state) : "stopped"}};
}

Result<Json> AnswerCommand(Manager& manager, const ReloadFunction& reload,
                           const std::string& command, const Json& request) {
  if (command == "shutdown") {
    manager.StopAll();
    return Json::object();
  }
  if (command == "reload") {
    ASSIGN_OR_RETURN(const Reloaded done, reload());
    return Json{{"started", done.started},
                {"restarted", done.restarted},
                {"stopped", done.stopped}};
  }
  const auto* one = std::ranges::find(kOfOne, command, &OfOne::command);
  if (one == std::end(kOfOne)) return Status::Config("unknown command " + command);
  return AskOne(manager, *one, request.at("name"));
}

}  // namespace

bool IsManagerRequest(std::string_view command) {
  return command == "shutdown" || command == "reload" ||
         std::ranges::find(kOfOne, command, &OfOne::command) != std::end(kOfOne);
}

Result<std::string> AnswerManager(Manager& manager, const ReloadFunction& reload,
                                  const std::string& command, std::string_view request) {
  try {
    ASSIGN_OR_RETURN(const Json answer,
                     AnswerCommand(manager, reload, command, ParseJson<Json>(request)));
    return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const nlohmann::json::exception& e) {
    return Status::Config(std::string("not a request: ") + e.what());
  }
}

}  // namespace leat
