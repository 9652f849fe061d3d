// leat list, leat describe and leat schema: what can be written into pipeline files, all
// of it from the same Specs that the files are checked against.
#include "core/describe.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/reference.h"
#include "core/json.h"
#include "core/json_schema.h"
#include "core/pipeline_file.h"
#include "core/suggest.h"

namespace leat {
namespace {

struct DescribeOptions {
  std::string name;
  std::string output = "text";
  bool all = false;
};

void ListParts(const DescribeOptions& options, const Shell& shell) {
  std::vector<NamedSpec> parts = AllParts(shell.registry());
  if (options.output == "json") {
    nlohmann::ordered_json all = nlohmann::json::array();
    for (const NamedSpec& part : parts) {
      all.push_back({{"kind", part.kind},
                     {"name", part.spec.name},
                     {"summary", part.spec.summary}});
    }
    return shell.OutOwn(DumpJson(all, 2) + "\n");
  }
  std::string kind;
  for (const NamedSpec& part : parts) {
    if (part.kind != kind) shell.OutOwn(fmt::format("{}s:\n", part.kind));
    kind = part.kind;
    shell.OutOwn(fmt::format("  {:12} {}\n", part.spec.name, part.spec.summary));
  }
  shell.OutOwn("\nTheir fields: leat describe NAME\n");
}

int DescribePart(const DescribeOptions& options, const Shell& shell) {
  if (options.all) {
    shell.OutOwn(Reference(shell.registry(), HelpOfAll()));
    return kExitDone;
  }
  std::vector<std::string> names;
  bool found = false;
  for (const NamedSpec& part : AllSpecs(shell.registry())) {
    names.push_back(part.spec.name);
    if (part.spec.name != options.name) continue;
    if (found && options.output == "text") shell.OutOwn("\n");
    found = true;
    shell.OutOwn(options.output == "json"       ? DescribeJson(part.spec, part.kind)
                 : options.output == "markdown" ? DescribeMarkdown(part.spec, part.kind)
                                                : DescribeText(part.spec, part.kind));
  }
  if (found) return kExitDone;
  shell.Err(fmt::format("error: nothing is called \"{}\"; {}\n", options.name,
                        Suggest(options.name, names, "there are")));
  return kExitUsage;
}

}  // namespace

void AddList(const Command& command) {
  auto options = std::make_shared<DescribeOptions>();
  Arguments app =
      command.arguments.Command("list", "List the sources, steps and sinks there are");
  AddOutput(app, &options->output);
  app.Run([command, options] { ListParts(*options, *command.shell); });
}

void AddDescribe(const Command& command) {
  auto options = std::make_shared<DescribeOptions>();
  Arguments app = command.arguments.Command(
      "describe", "Show the fields of a source, step, sink or file");
  Argument name =
      app.Option("NAME", &options->name, "As leat list has it; or pipeline, leat.yaml");
  app.Flag("--all", &options->all, "The whole reference, as Markdown").Excludes(name);
  app.Option("-o,--output", &options->output, "How to print: text, json or markdown")
      .OneOf({"text", "json", "markdown"})
      .ShowDefault();
  app.Footer(R"(Examples:
  leat describe mysql
  leat describe pipeline --output json)");
  app.Run([command, options] {
    if (options->name.empty() && !options->all) Arguments::Missing("NAME");
    *command.exit_code = DescribePart(*options, *command.shell);
  });
}

void AddSchema(const Command& command) {
  auto options = std::make_shared<DescribeOptions>();
  Arguments app = command.arguments.Command(
      "schema", "Print the JSON Schema of pipeline files, for editors");
  app.Flag("--project", &options->all, "That of leat.yaml instead");
  app.Footer(R"(Examples:
  leat schema > pipeline.schema.json
  # first line of a pipeline file, for editors with the YAML language server:
  # yaml-language-server: $schema=../pipeline.schema.json)");
  app.Run([command, options] {
    command.shell->OutOwn(JsonSchema(options->all
                                         ? ProjectSpec(command.shell->registry())
                                         : PipelineSpec(command.shell->registry())));
  });
}

}  // namespace leat
