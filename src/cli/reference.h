// docs/reference.md: everything that can be written into files or typed, made from the
// Specs and the commands' own help. Stateless.
#pragma once

#include <string>
#include <vector>

#include "core/registry.h"

namespace leat {

struct NamedSpec {
  std::string kind;  // "source", "step", "sink"; empty: a file
  Spec spec;
};

// The sources, steps and sinks.
std::vector<NamedSpec> AllParts(const Registry& registry);
// These, and the files.
std::vector<NamedSpec> AllSpecs(const Registry& registry);

// Each command's --help, in the order of `leat --help`.
struct CommandHelp {
  std::string name;  // "leat run"; the first is "leat"
  std::string help;
};
std::vector<CommandHelp> HelpOfAll();

std::string Reference(const Registry& registry, const std::vector<CommandHelp>& commands);

}  // namespace leat
