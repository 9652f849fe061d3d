// leat check: connects to what the pipelines name and proves versions, privileges and
// settings; what is missing comes with the statement that mends it.
#include <fmt/format.h>

#include "cli/commands.h"
#include "core/json.h"
#include "core/pipeline_file.h"

namespace leat {
namespace {

struct CheckOptions {
  std::vector<std::string> paths;
  std::string data;
  std::string output = "text";
};

struct Checked {
  std::string pipeline;
  std::string part;  // "source mysql"
  CheckItem item;
};

template <typename Type>
void CheckPart(const Type& type, const PartUse& use, const std::string& kind,
               const Context& context, std::vector<Checked>* all) {
  std::string part = fmt::format("{} {}", kind, use.name);
  if (!type.check) {
    all->push_back({context.pipeline, part, {true, "nothing to check", ""}});
    return;
  }
  auto items = type.check(use.config, context);
  if (!items.ok()) {
    all->push_back({context.pipeline, part, {false, items.status().message(), ""}});
    return;
  }
  for (CheckItem& item : *items)
    all->push_back({context.pipeline, part, std::move(item)});
}

std::vector<Checked> CheckAll(const Project& project, const Shell& shell) {
  std::vector<Checked> all;
  Logger log(shell.err_fd(), LogLevel::kWarn);
  CancelToken cancel;
  for (const PipelineFile& file : project.pipelines) {
    Context context{file.name,       project.settings.data / "cache" / file.name,
                    Clock::System(), log,
                    cancel,          project.settings,
                    nullptr};
    const Registry& registry = shell.registry();
    CheckPart(*registry.FindSource(file.from.name), file.from, "source", context, &all);
    for (const PartUse& step : file.steps) {
      CheckPart(*registry.FindStep(step.name), step, "step", context, &all);
    }
    CheckPart(*registry.FindSink(file.to.name), file.to, "sink", context, &all);
  }
  return all;
}

std::string ChecksAsJson(const std::vector<Checked>& all) {
  nlohmann::ordered_json items = nlohmann::json::array();
  for (const Checked& c : all) {
    items.push_back({{"pipeline", c.pipeline},
                     {"part", c.part},
                     {"ok", c.item.ok},
                     {"what", c.item.what},
                     {"remedy", c.item.remedy}});
  }
  return DumpJson(items, 2) + "\n";
}

std::string Indented(std::string text, std::string_view by) {
  for (size_t at = text.find('\n'); at != std::string::npos;
       at = text.find('\n', at + 1)) {
    text.insert(at + 1, by);
  }
  return text;
}

std::string ChecksAsText(const std::vector<Checked>& all) {
  std::string out;
  std::string part;
  for (const Checked& c : all) {
    std::string of = fmt::format("{}: {}", c.pipeline, c.part);
    if (of != part) out += of + "\n";
    part = of;
    out += fmt::format("  {:8} {}\n", c.item.ok ? "ok" : "missing",
                       Indented(c.item.what, "           "));
    if (!c.item.remedy.empty()) {
      out += fmt::format("           {}\n", Indented(c.item.remedy, "           "));
    }
  }
  return out;
}

int Check(const CheckOptions& options, const Shell& shell) {
  Diagnostics diagnostics;
  Project project =
      LoadProject(options.paths, shell.registry(), shell.environment(), &diagnostics);
  if (!diagnostics.empty()) return shell.Fail(diagnostics);
  if (!options.data.empty()) project.settings.data = options.data;
  std::vector<Checked> all = CheckAll(project, shell);
  shell.Out(options.output == "json" ? ChecksAsJson(all) : ChecksAsText(all));
  auto missing =
      std::count_if(all.begin(), all.end(), [](const Checked& c) { return !c.item.ok; });
  if (options.output == "text") {
    shell.Out(missing == 0 ? "all is there\n" : fmt::format("{} missing\n", missing));
  }
  return missing == 0 ? kExitDone : kExitConfig;
}

}  // namespace

void AddCheck(const Command& command) {
  auto options = std::make_shared<CheckOptions>();
  Arguments app = command.arguments.Command(
      "check", "Connect, and prove versions, privileges and settings");
  app.Option("PATH", &options->paths, "Pipeline files, or a project's folder").Required();
  app.Option("--data", &options->data,
             "The folder for checkpoints and caches, instead of leat.yaml's");
  AddOutput(app, &options->output);
  app.Footer(
      R"(Says for everything that is missing which statement or setting mends it, and exits with 78.

Examples:
  leat check examples/shop-to-lake
  leat check pipelines/orders.yaml --output json)");
  app.Run([command, options] { *command.exit_code = Check(*options, *command.shell); });
}

}  // namespace leat
