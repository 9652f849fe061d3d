#include "connectors/stdout/register.h"

#include <unistd.h>

#include "connectors/stdout/sink.h"
#include "core/registry.h"

namespace leat {

void RegisterStdout(Registry* registry) {
  SinkType type;
  type.spec.name = "stdout";
  type.spec.summary = "Prints each row as a line of JSON.";
  type.spec.fields = {
      Field::Bool("events", "Print schema changes, truncations, drops and renames too.")
          .Default("true")};
  type.spec.example = "stdout: {}\n";
  type.make = [](const Config& config,
                 const Context& context) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(std::make_unique<standard_output::StdoutSink>(
        STDOUT_FILENO, config.Bool("events")));
  };
  registry->Add(std::move(type));
}

}  // namespace leat
