#include "cli/reference.h"

#include <fmt/format.h>

#include "core/describe.h"
#include "core/pipeline_file.h"

namespace leat {

std::vector<NamedSpec> AllParts(const Registry& registry) {
  std::vector<NamedSpec> all;
  for (const SourceType& type : registry.sources()) all.push_back({"source", type.spec});
  for (const StepType& type : registry.steps()) all.push_back({"step", type.spec});
  for (const SinkType& type : registry.sinks()) all.push_back({"sink", type.spec});
  return all;
}

std::vector<NamedSpec> AllSpecs(const Registry& registry) {
  std::vector<NamedSpec> all = {{"", PipelineSpec(registry)},
                                {"", ProjectSpec(registry)}};
  for (NamedSpec& part : AllParts(registry)) all.push_back(std::move(part));
  return all;
}

std::string Reference(const Registry& registry,
                      const std::vector<CommandHelp>& commands) {
  std::string out =
      "# Reference\n\n"
      "Made by `leat describe --all` from what the program itself checks files against.\n"
      "\n## Files\n\n";
  for (const NamedSpec& named : AllSpecs(registry)) {
    if (named.kind.empty()) out += DescribeMarkdown(named.spec, named.kind);
  }
  out +=
      R"(Values are YAML first. In a scalar, `${VAR}` is replaced by the environment variable,
`${VAR:default}` by it or, where it is unset or empty, by the default, `${VAR:?message}` stops
with the message where it is unset or empty, and `${file:/path}` is replaced by the file's
content. What is put in is never looked at again. `$${` is a plain `${`.

Durations have a unit (`250ms`, `30s`, `5m`, `2h`, `1d`); sizes may have one (`4096`, `64MiB`,
`1GB`). Relative paths start at the project's folder, where `leat.yaml` is.

)";
  for (std::string_view kind : {"source", "step", "sink"}) {
    std::string section;
    for (const NamedSpec& part : AllParts(registry)) {
      if (part.kind == kind) section += DescribeMarkdown(part.spec, "");
    }
    if (section.empty()) continue;
    std::string title(kind);
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    out += fmt::format("## {}s\n\n{}", title, section);
  }
  out += "## Commands\n\n";
  for (const CommandHelp& command : commands) {
    out += fmt::format("### {}\n\n```text\n{}```\n\n", command.name, command.help);
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace leat
