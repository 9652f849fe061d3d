#include <fmt/format.h>

#include "cli/commands.h"
#include "core/json.h"
#include "core/pipeline_file.h"

namespace leat {
namespace {

struct ValidateOptions {
  std::vector<std::string> paths;
  std::string output = "text";
};

std::string FindingsAsJson(const Project& project, const Diagnostics& diagnostics) {
  nlohmann::ordered_json errors = nlohmann::json::array();
  for (const Diagnostic& d : diagnostics) {
    errors.push_back({{"file", d.place.file},
                      {"line", d.place.line},
                      {"column", d.place.column},
                      {"message", d.message},
                      {"suggestion", d.suggestion}});
  }
  nlohmann::ordered_json names = nlohmann::json::array();
  for (const PipelineFile& p : project.pipelines) names.push_back(p.name);
  nlohmann::ordered_json all = {
      {"ok", diagnostics.empty()}, {"pipelines", names}, {"errors", errors}};
  return DumpJson(all, 2) + "\n";
}

int Validate(const ValidateOptions& options, const Shell& shell) {
  Diagnostics diagnostics;
  Project project =
      LoadProject(options.paths, shell.registry(), shell.environment(), &diagnostics);
  if (options.output == "json") {
    shell.Out(FindingsAsJson(project, diagnostics));
    return diagnostics.empty() ? kExitDone : kExitConfig;
  }
  if (!diagnostics.empty()) return shell.Fail(diagnostics);
  for (const PipelineFile& p : project.pipelines) {
    shell.Out(fmt::format("{}: ok, {} from {} to {}\n", p.file, p.name, p.from.name,
                          p.to.name));
  }
  return kExitDone;
}

}  // namespace

void AddValidate(const Command& command) {
  auto options = std::make_shared<ValidateOptions>();
  Arguments app =
      command.arguments.Command("validate", "Check pipeline files; connects to nothing");
  app.Option("PATH", &options->paths, "Pipeline files, or a project's folder").Required();
  AddOutput(app, &options->output);
  app.Footer(
      R"(Prints file:line:column: message for everything that is wrong, and exits with 78.

Examples:
  leat validate pipelines/orders.yaml
  leat validate . --output json)");
  app.Run(
      [command, options] { *command.exit_code = Validate(*options, *command.shell); });
}

}  // namespace leat
