#include "connectors/topic/register.h"

#include "connectors/topic/options.h"
#include "core/registry.h"

namespace leat {
namespace topic {
namespace {

Status NotBuilt(const Context& context) {
  return Status::Config(context.project.broker.embedded()
                            ? "this build has no embedded topics"
                            : "this build has no Kafka client");
}

SourceType MakeSourceType() {
  SourceType type;
  type.spec.name = "topic";
  type.spec.summary = "Reads topics of the project's broker: embedded, or Kafka.";
  type.spec.fields = SourceFields();
  type.spec.example =
      "topic:\n  name: enriched_orders\n  group: sink-mysql-workers\n  format: json\n";
  type.validate = ValidateSource;
  type.make = [](const Config&,
                 const Context& context) -> Result<std::unique_ptr<Source>> {
    return NotBuilt(context);
  };
  type.workers = [](const Config& config) {
    return static_cast<int>(config.Int("workers"));
  };
  return type;
}

SinkType MakeSinkType() {
  SinkType type;
  type.spec.name = "topic";
  type.spec.summary = "Writes changes to topics of the project's broker.";
  type.spec.fields = SinkFields();
  type.spec.example =
      "topic:\n  name: \"mysql.{database}.{table}\"\n  format: debezium\n";
  type.validate = ValidateSink;
  type.make = [](const Config&, const Context& context) -> Result<std::unique_ptr<Sink>> {
    return NotBuilt(context);
  };
  return type;
}

}  // namespace
}  // namespace topic

void RegisterTopic(Registry* registry) {
  registry->Add(topic::MakeSourceType());
  registry->Add(topic::MakeSinkType());
}

}  // namespace leat
