#include "connectors/discard/register.h"

#include "connectors/discard/sink.h"
#include "core/registry.h"

namespace leat {

void RegisterDiscard(Registry* registry) {
  SinkType type;
  type.spec.name = "discard";
  type.spec.summary = "Counts rows and lets them go; for measuring a source.";
  type.spec.example = "discard: {}\n";
  type.make = [](const Config& config,
                 const Context& context) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(std::make_unique<discard::DiscardSink>(context));
  };
  registry->Add(std::move(type));
}

}  // namespace leat
