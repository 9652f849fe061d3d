#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace leat {
void AddGenerate(const Command&) {}
}  // namespace leat
