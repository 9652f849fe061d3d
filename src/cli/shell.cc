#include "cli/shell.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/redact.h"
#include "cli/commands.h"
#include "cli/reference.h"
#include "cli/terminal.h"
#include "core/pipeline_file.h"
#include "core/register_parts.h"

namespace leat {
namespace {

constexpr const char* kFooter = R"(Examples:
  leat validate examples/shop-to-lake
  leat check examples/shop-to-lake
  leat run examples/shop-to-lake

Exit codes: 0 done, 1 failed while running, 2 wrong usage, 78 bad configuration.)";

}  // namespace

Shell::Shell(int out, int err, Environment environment)
    : out_(out), err_(err), environment_(std::move(environment)) {
  RegisterParts(&registry_);
}

bool Shell::out_is_terminal() const { return isatty(out_) != 0; }
bool Shell::err_is_terminal() const { return isatty(err_) != 0; }
void Shell::Out(std::string_view text) const { WriteAll(out_, Redact(text)); }
void Shell::OutOwn(std::string_view text) const { WriteAll(out_, text); }
void Shell::Err(std::string_view text) const { WriteAll(err_, Redact(text)); }

int Shell::Fail(const Status& status) const {
  Err(fmt::format("error: {}\n", status.message()));
  return status.kind() == ErrorKind::kConfig ? kExitConfig : kExitFailed;
}

int Shell::Fail(const Diagnostics& diagnostics) const {
  for (const Diagnostic& d : diagnostics) Err(d.ToString() + "\n");
  Err(fmt::format("{} error{}\n", diagnostics.size(),
                  diagnostics.size() == 1 ? "" : "s"));
  return kExitConfig;
}

void AddOutput(Arguments app, std::string* output) {
  app.Option("-o,--output", output, "How to print: text or json")
      .OneOf({"text", "json"})
      .ShowDefault();
}

void AddProject(Arguments app, ProjectOptions* options) {
  app.Option("--project", &options->project, "The project's folder").ShowDefault();
  app.Option("--data", &options->data,
             "The folder for checkpoints and caches, instead of leat.yaml's");
}

Result<ProjectSettings> LoadSettings(const ProjectOptions& options, const Shell& shell) {
  ASSIGN_OR_RETURN(ProjectSettings settings,
                   LoadSettings(options.project, shell.registry(), shell.environment()));
  if (!options.data.empty()) settings.data = options.data;
  return settings;
}

namespace {

void AddAll(CLI::App* app, Shell* shell, int* exit_code) {
  const Command command{Arguments(app), shell, exit_code};
  app->require_subcommand(1);
  app->get_formatter()->column_width(34);
  AddRun(command);
  AddStart(command);
  AddStatus(command);
  AddTop(command);
  AddStop(command);
  AddRestart(command);
  AddPause(command);
  AddResume(command);
  AddReset(command);
  AddReload(command);
  AddLogs(command);
  AddValidate(command);
  AddCheck(command);
  AddList(command);
  AddDescribe(command);
  AddSchema(command);
  AddDeadLetters(command);
  AddTopics(command);
  AddLag(command);
  AddOffsets(command);
  AddGenerate(command);
  AddVersion(command);
  AddCompletions(command);
  app->footer(kFooter);  // last, or every command would inherit it
}

const CLI::App& ChosenCommand(const CLI::App& app) {
  const CLI::App* chosen = &app;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
  return *chosen;
}

std::string FullName(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent ? FullName(*parent) + " " + app.get_name() : app.get_name();
}

std::string HelpOf(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return app.help(parent ? FullName(*parent) : "");
}

void CollectHelp(const CLI::App& app, std::vector<CommandHelp>* all) {
  all->push_back({FullName(app), HelpOf(app)});
  for (const CLI::App* child : app.get_subcommands(nullptr)) CollectHelp(*child, all);
}

constexpr const char* kSummary =
    "Moves changes from databases into lakehouse tables, exactly once.";

}  // namespace

std::vector<CommandHelp> HelpOfAll() {
  CLI::App app(kSummary, "leat");
  AddAll(&app, nullptr, nullptr);
  std::vector<CommandHelp> all;
  CollectHelp(app, &all);
  return all;
}

int RunCommandLine(const std::vector<std::string>& arguments, Shell* shell) {
  CLI::App app(kSummary, "leat");
  int exit_code = kExitDone;
  AddAll(&app, shell, &exit_code);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    shell->OutOwn(HelpOf(ChosenCommand(app)));
  } catch (const CLI::ParseError& error) {
    shell->Err(
        fmt::format("{}\nSee {} --help\n", error.what(), FullName(ChosenCommand(app))));
    return kExitUsage;
  }
  return exit_code;
}

}  // namespace leat
