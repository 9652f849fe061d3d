#include "cli/serving.h"

#include <algorithm>

#include "base/text.h"
#include "cli/log_lines.h"
#include "cli/signals.h"
#include "runtime/manager_requests.h"

namespace leat {

Project Load(const ProjectPlace& place, const Shell& shell, Diagnostics* diagnostics) {
  Project project =
      LoadProject(place.paths, shell.registry(), shell.environment(), diagnostics);
  if (!place.data.empty()) project.settings.data = place.data;
  return project;
}

int Refuse(const Diagnostics& diagnostics, const Shell& shell) {
  if (shell.err_is_terminal()) return shell.Fail(diagnostics);
  Logger log(shell.err_fd(), LogLevel::kError);
  for (const Diagnostic& d : diagnostics) log.Error(d.ToString());
  return kExitConfig;
}

int Refuse(const Status& status, const Shell& shell) {
  if (shell.err_is_terminal()) return shell.Fail(status);
  Logger(shell.err_fd(), LogLevel::kError).Error(status.message());
  return status.kind() == ErrorKind::kConfig ? kExitConfig : kExitFailed;
}

Result<std::unique_ptr<Serving>> Serving::Open(
    Project project, const ProjectPlace& place, const Shell& shell, Logger& log,
    const ManagerOptions& options, std::function<Logger&(const std::string&)> log_of) {
  const std::filesystem::path data = project.settings.data;
  const ApiSettings api = project.api;
  const AlertSettings alerts = project.alerts;
  std::unique_ptr<Serving> made(new Serving(place, shell, log));
  ASSIGN_OR_RETURN(made->store_, Store::Open(data));
  ASSIGN_OR_RETURN(
      made->manager_,
      Manager::Make(std::move(project), {shell.registry(), *made->store_, Clock::System(),
                                         log, options, std::move(log_of)}));
  made->alerts_ = std::make_unique<Alerts>(*made->store_, *made->manager_, log);
  RETURN_IF_ERROR(made->alerts_->Use(alerts));
  auto views = [s = made.get()] { return s->manager_->Views(); };
  made->topics_ = std::make_unique<ProjectTopics>(*made->store_, log);
  auto answer = [s = made.get()](Store&, const std::string& command,
                                 std::string_view request) {
    return s->Answer(command, request);
  };
  made->status_ = std::make_unique<StatusFile>(data, views, log);
  const ControlSubject subject{made->store_.get(), views, answer};
  ASSIGN_OR_RETURN(made->control_, ControlServer::Start(data, subject));
  if (options.supervised && !api.address.empty()) {
    ASSIGN_OR_RETURN(made->api_, Api::Start(api, subject, log));
  }
  return made;
}

void Serving::Run(bool reloads) {
  std::function<void()> reload;
  if (reloads) reload = [this] { (void)Reload(); };
  SignalWatch signals(
      [this] {
        log_.Info("stopping: finishing the open epochs (a second signal leaves at once)");
        manager_->StopAll();
      },
      [this] {
        log_.Warn("leaving at once; the next start loses nothing");
        manager_->StopAllNow();
      },
      reload);
  manager_->StartAll();
  manager_->Wait();
  alerts_->Finish();
}

Result<Reloaded> Serving::Reload() {
  Diagnostics diagnostics;
  Project project = Load(place_, shell_, &diagnostics);
  Result<Reloaded> done =
      diagnostics.empty() ? Use(std::move(project)) : ToStatus(std::move(diagnostics));
  if (!done.ok()) {
    log_.Error("nothing is reloaded", {{"error", done.status().message()}});
    return done;
  }
  log_.Info("reloaded", {{"started", Joined(done->started, " ")},
                         {"restarted", Joined(done->restarted, " ")},
                         {"stopped", Joined(done->stopped, " ")}});
  return done;
}

Result<std::string> Serving::Answer(const std::string& command,
                                    std::string_view request) {
  if (IsManagerRequest(command)) {
    return AnswerManager(
        *manager_, [this] { return Reload(); }, command, request);
  }
  if (command == "logs") return AnswerLogs(store_->data() / "logs", request);
  return topics_->Answer(manager_->settings().broker, command, request);
}

Result<Reloaded> Serving::Use(Project project) {
  const AlertSettings alerts = project.alerts;
  ASSIGN_OR_RETURN(Reloaded done, manager_->Reload(std::move(project)));
  RETURN_IF_ERROR(alerts_->Use(alerts));
  return done;
}

int ExitCodeOf(const std::vector<Status>& ends) {
  auto config = [](const Status& end) { return end.kind() == ErrorKind::kConfig; };
  if (std::ranges::all_of(ends, &Status::ok)) return kExitDone;
  return std::ranges::all_of(ends, config) ? kExitConfig : kExitFailed;
}

LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

void AddLogLevel(Arguments app, std::string* level) {
  app.Option("--log-level", level, "debug, info, warn or error")
      .OneOf({"debug", "info", "warn", "error"})
      .ShowDefault();
}

}  // namespace leat
