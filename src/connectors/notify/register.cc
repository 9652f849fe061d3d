#include "connectors/notify/register.h"

#include "connectors/notify/channel.h"
#include "connectors/notify/options.h"
#include "connectors/notify/sink.h"
#include "core/registry.h"

namespace leat {

void RegisterNotify(Registry* registry) {
  SinkType type;
  type.spec = notify::SinkSpec();
  type.validate = notify::ValidateSink;
  type.make = [](const Config& config,
                 const Context& context) -> Result<std::unique_ptr<Sink>> {
    ASSIGN_OR_RETURN(notify::SinkOptions options, notify::ReadSinkOptions(config));
    return std::unique_ptr<Sink>(
        std::make_unique<notify::NotifySink>(std::move(options), context));
  };
  type.check = [](const Config& config,
                  const Context& context) -> Result<std::vector<CheckItem>> {
    ASSIGN_OR_RETURN(const notify::SinkOptions options, notify::ReadSinkOptions(config));
    return std::vector{notify::CheckTarget(options.target)};
  };
  registry->Add(std::move(type));
}

}  // namespace leat
