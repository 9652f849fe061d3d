// leat reset: a pipeline that does not run starts over, after a look at what that loses.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/project_call.h"
#include "core/pipeline_file.h"
#include "runtime/manager_requests.h"
#include "store/store.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

struct ResetOptions {
  std::string name;
  ProjectOptions project;
  bool yes = false;
};

std::string WhatIsLost(const PipelineFile& file) {
  return fmt::format(
      "{0} forgets how far it has read and what its steps remember; when it starts it "
      "reads\nits source {1} from the configured start. What its sink {2} has stays, and "
      "gets those\nrows once more: appended ones are there twice, upserted ones are "
      "written again, and\nwhat the source deletes meanwhile is not noticed. A topic's "
      "group goes on where it is:\nleat offsets {0} --reset moves it.\n",
      file.name, file.from.name, file.to.name);
}

bool Agrees(const ResetOptions& options, const Shell& shell) {
  if (options.yes) return true;
  shell.Err("Go on? Type yes: ");
  std::string answer;
  return std::getline(std::cin, answer) && answer == "yes";
}

// In the process that runs the project, or in its store where none does.
Result<Json> AskReset(const Project& project, const PipelineFile& file,
                      const Shell& shell) {
  const SourceType* source = shell.registry().FindSource(file.from.name);
  const int workers = source->workers ? source->workers(file.from.config) : 1;
  return AskOwner(
      project.settings, {{"command", "reset"}, {"name", file.name}},
      [&](Store& store, const std::string&, std::string_view) -> Result<std::string> {
        RETURN_IF_ERROR(store.RequestReset(file.name, workers));
        return std::string("{}");
      });
}

int ResetPipeline(const ResetOptions& options, const Shell& shell) {
  Diagnostics diagnostics;
  Project project = LoadProject({options.project.project}, shell.registry(),
                                shell.environment(), &diagnostics);
  if (!diagnostics.empty()) return shell.Fail(diagnostics);
  if (!options.project.data.empty()) project.settings.data = options.project.data;
  auto file = std::ranges::find(project.pipelines, options.name, &PipelineFile::name);
  if (file == project.pipelines.end()) {
    return shell.Fail(Status::Config("there is no pipeline \"" + options.name +
                                     "\" in this project; leat validate lists them"));
  }
  if (!options.yes && !isatty(STDIN_FILENO)) {
    shell.Err(WhatIsLost(*file) + "Nothing was done: nobody can be asked; say --yes\n");
    return kExitUsage;
  }
  shell.Err(WhatIsLost(*file));
  if (!Agrees(options, shell)) {
    shell.Err("nothing was done\n");
    return kExitFailed;
  }
  auto asked = AskReset(project, *file, shell);
  if (!asked.ok()) return shell.Fail(asked.status());
  shell.Out(fmt::format("{} starts over when it starts\n", options.name));
  return kExitDone;
}

}  // namespace

void AddReset(const Command& command) {
  auto options = std::make_shared<ResetOptions>();
  Arguments app = command.arguments.Command(
      "reset", "Let a stopped pipeline forget how far it is, and start over");
  app.Option("NAME", &options->name, "The pipeline").Required();
  app.Flag("--yes", &options->yes, "Do not ask");
  AddProject(app, &options->project);
  app.Footer(R"(It says what is lost, and asks. Dead letters are kept.

Example:
  leat stop orders && leat reset orders && leat restart orders)");
  app.Run([command, options] {
    *command.exit_code = ResetPipeline(*options, *command.shell);
  });
}

}  // namespace leat
