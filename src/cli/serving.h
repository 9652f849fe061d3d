// Serving: a project that runs in this process: its store, its manager, the socket that
// commands talk to, the status file, what it tells people and, of a daemon, the HTTP API.
// Owned by leat run or leat start.
#pragma once

#include <functional>
#include <memory>

#include "cli/alerts.h"
#include "cli/project_topics.h"
#include "cli/shell.h"
#include "core/pipeline_file.h"
#include "runtime/control.h"
#include "runtime/manager.h"
#include "runtime/status_file.h"
#include "server/api.h"
#include "store/store.h"

namespace leat {

// What a project is read from, once more with each reload.
struct ProjectPlace {
  std::vector<std::string> paths;
  std::string data;  // instead of leat.yaml's; empty: that
};
// Everything that is wrong with the files goes to `diagnostics`.
Project Load(const ProjectPlace& place, const Shell& shell, Diagnostics* diagnostics);

// Prints what is wrong as a log where logs are JSON: whoever collects them gets nothing
// else. Answers the exit code.
int Refuse(const Diagnostics& diagnostics, const Shell& shell);
int Refuse(const Status& status, const Shell& shell);

class Serving {
 public:
  // Opens everything; nothing runs yet. Borrows the shell and the logs. kConfig: somebody
  // else has the data folder, or it cannot be used.
  static Result<std::unique_ptr<Serving>> Open(
      Project project, const ProjectPlace& place, const Shell& shell, Logger& log,
      const ManagerOptions& options,
      std::function<Logger&(const std::string&)> log_of = nullptr);

  Manager& manager() { return *manager_; }
  // Runs until the manager has nothing left to do. SIGINT and SIGTERM stop, a second one
  // at once; with `reloads` SIGHUP reloads.
  void Run(bool reloads);
  // What has changed in the files; any thread. kConfig, and nothing changes: what is
  // wrong with them.
  Result<Reloaded> Reload();

 private:
  Serving(const ProjectPlace& place, const Shell& shell, Logger& log)
      : place_(place), shell_(shell), log_(log) {}

  Result<Reloaded> Use(Project project);
  Result<std::string> Answer(const std::string& command, std::string_view request);

  const ProjectPlace place_;
  const Shell& shell_;
  Logger& log_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Manager> manager_;
  std::unique_ptr<ProjectTopics> topics_;
  std::unique_ptr<Alerts> alerts_;
  std::unique_ptr<StatusFile> status_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<Api> api_;  // null: there is none
};

// What a process answers whose pipelines ended so. Bad configuration is one of all
// pipelines: where one ran, the run failed.
int ExitCodeOf(const std::vector<Status>& ends);

LogLevel LevelOf(const std::string& name);
void AddLogLevel(Arguments app, std::string* level);

}  // namespace leat
