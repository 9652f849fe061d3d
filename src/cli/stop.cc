// leat stop, restart, pause, resume: what a running project does with its pipelines.
#include <memory>

#include "cli/commands.h"
#include "cli/manager_call.h"
#include "cli/start.h"

namespace leat {
namespace {

struct StopOptions {
  std::string name;
  ProjectOptions project;
};

const std::vector<std::string> kRuns = {"running", "done"};

int StopAll(const StopOptions& options, const Shell& shell) {
  if (Status ended = ShutDown(options.project, shell); !ended.ok()) {
    return shell.Fail(ended);
  }
  shell.Out("nothing runs\n");
  return kExitDone;
}

int RestartAll(const StopOptions& options, const Shell& shell) {
  if (Status ended = ShutDown(options.project, shell); !ended.ok()) {
    return shell.Fail(ended);
  }
  StartOptions start;
  start.place = {{options.project.project}, options.project.data};
  return Start(start, shell);
}

std::shared_ptr<StopOptions> Declare(Arguments app, bool required) {
  auto options = std::make_shared<StopOptions>();
  Argument name = app.Option("NAME", &options->name, "The pipeline");
  if (required) name.Required();
  AddProject(app, &options->project);
  return options;
}

}  // namespace

void AddStop(const Command& command) {
  Arguments app = command.arguments.Command(
      "stop", "Stop a pipeline, or the process that runs the project");
  auto options = Declare(app, /*required=*/false);
  app.Footer(
      R"(The open epoch is finished and committed; what is not done after 8 s is left to the next
start. A stopped pipeline starts again with leat restart NAME, and with the process.

Examples:
  leat stop orders
  leat stop --project /srv/shop)");
  app.Run([command, options] {
    *command.exit_code = options->name.empty() ? StopAll(*options, *command.shell)
                                               : Bring("stop", options->name, {"stopped"},
                                                       options->project, *command.shell);
  });
}

void AddRestart(const Command& command) {
  Arguments app = command.arguments.Command(
      "restart",
      "End a pipeline, or the process that runs the project, and start it anew");
  auto options = Declare(app, /*required=*/false);
  app.Footer(
      R"(A pipeline that has failed or was stopped starts again; the supervisor forgets how often it
did. Without a name a daemon is started in place of the process.

Examples:
  leat restart orders
  leat restart --project /srv/shop)");
  app.Run([command, options] {
    *command.exit_code = options->name.empty() ? RestartAll(*options, *command.shell)
                                               : Bring("restart", options->name, kRuns,
                                                       options->project, *command.shell);
  });
}

void AddPause(const Command& command) {
  Arguments app = command.arguments.Command(
      "pause", "Stop a pipeline until it is resumed, also when the daemon starts anew");
  auto options = Declare(app, /*required=*/true);
  app.Footer("Example:\n  leat pause orders");
  app.Run([command, options] {
    *command.exit_code =
        Bring("pause", options->name, {"paused"}, options->project, *command.shell);
  });
}

void AddResume(const Command& command) {
  Arguments app =
      command.arguments.Command("resume", "Let a paused or stopped pipeline go on");
  auto options = Declare(app, /*required=*/true);
  app.Footer("Example:\n  leat resume orders");
  app.Run([command, options] {
    *command.exit_code =
        Bring("resume", options->name, kRuns, options->project, *command.shell);
  });
}

}  // namespace leat
