#include "cli/manager_call.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/project_call.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

// Longer than anything takes that is not stuck: an epoch is given 8 s to finish.
constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kLookEvery = std::chrono::milliseconds(50);

Status NobodyRuns(const ProjectSettings& settings) {
  return Status::Config("no process runs this project (its data folder is " +
                        settings.data.string() + "); leat start starts one");
}

// Waits for a process that may be anybody's child.
bool AwaitEnd(pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd ended{fd, POLLIN, 0};
  const bool is_over = poll(&ended, 1, kPatience / std::chrono::milliseconds(1)) == 1;
  close(fd);
  return is_over;
}

}  // namespace

Result<Json> AskManager(const ProjectOptions& options, const Json& request,
                        const Shell& shell) {
  ASSIGN_OR_RETURN(const ProjectSettings settings, LoadSettings(options, shell));
  return AskOwner(
      settings, request,
      [&](Store&, const std::string&, std::string_view) -> Result<std::string> {
        return NobodyRuns(settings);
      });
}

Result<Json> AskPipeline(const ProjectOptions& options, const std::string& name,
                         const Shell& shell) {
  ASSIGN_OR_RETURN(const Json answer,
                   AskProject(options, {{"command", "status"}}, shell));
  const Json& pipelines = answer.at("pipelines");
  if (pipelines.contains(name)) return pipelines.at(name);
  std::string names;
  for (const auto& [known, view] : pipelines.items()) {
    names += (names.empty() ? "" : ", ") + known;
  }
  return Status::Config(
      fmt::format("there is no pipeline \"{}\" in this project; {}", name,
                  names.empty() ? "none has run" : "there are: " + names));
}

int Bring(const std::string& command, const std::string& name,
          const std::vector<std::string>& states, const ProjectOptions& options,
          const Shell& shell) {
  auto asked = AskManager(options, {{"command", command}, {"name", name}}, shell);
  if (!asked.ok()) return shell.Fail(asked.status());
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto view = AskPipeline(options, name, shell);
    if (!view.ok()) return shell.Fail(view.status());
    const std::string state = view->value("state", "");
    const bool done = std::ranges::find(states, state) != states.end();
    if (done || state == "failed" || state == "retrying") {
      const std::string why = view->value("why", "");
      shell.Out(fmt::format("{} is {}{}{}\n", name, state, why.empty() ? "" : ": ", why));
      return done ? kExitDone : kExitFailed;
    }
    if (std::chrono::steady_clock::now() >= patience) {
      return shell.Fail(Status::Transient(
          fmt::format("{} is {} still; leat status shows when it is not", name, state)));
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

Status ShutDown(const ProjectOptions& options, const Shell& shell) {
  ASSIGN_OR_RETURN(const Json status,
                   AskProject(options, {{"command", "status"}}, shell));
  const pid_t pid = status.value("pid", 0);
  if (pid == 0) return Status::Ok();
  auto asked = AskManager(options, {{"command", "shutdown"}}, shell);
  if (AwaitEnd(pid)) return Status::Ok();
  if (!asked.ok()) return asked.status();
  return Status::Transient(
      fmt::format("process {} has not ended within {} s; kill -9 {} ends it, and the "
                  "next start loses "
                  "nothing",
                  pid, kPatience / std::chrono::seconds(1), pid));
}

}  // namespace leat
