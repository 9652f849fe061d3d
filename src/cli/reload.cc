// leat reload: a running project goes over to its files as they are now.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/manager_call.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

int Reload(const ProjectOptions& options, const std::string& output, const Shell& shell) {
  auto answer = AskManager(options, {{"command", "reload"}}, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  answer->erase("ok");
  if (output == "json") {
    shell.Out(answer->dump(2) + "\n");
    return kExitDone;
  }
  std::string text;
  for (const auto& [what, names] : answer->items()) {
    for (const Json& name : names) {
      text += fmt::format("{}: {}\n", name.get<std::string>(), what);
    }
  }
  shell.Out(text.empty() ? "nothing has changed\n" : text);
  return kExitDone;
}

}  // namespace

void AddReload(const Command& command) {
  auto options = std::make_shared<ProjectOptions>();
  auto output = std::make_shared<std::string>("text");
  Arguments app = command.arguments.Command(
      "reload", "Let a running project go over to its files as they are now");
  AddProject(app, options.get());
  AddOutput(app, output.get());
  app.Footer(
      R"(The files are checked first: where anything is wrong with one, nothing changes. Pipelines that
changed end and start again, new ones start, those that are gone end, the others run on.
SIGHUP does the same, and logs what it did.

Example:
  leat reload --project /srv/shop)");
  app.Run([command, options, output] {
    *command.exit_code = Reload(*options, *output, *command.shell);
  });
}

}  // namespace leat
