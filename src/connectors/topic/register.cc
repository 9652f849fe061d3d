#include "connectors/topic/register.h"

#include "connectors/topic/embedded/sink.h"
#include "connectors/topic/embedded/source.h"
#include "connectors/topic/http/source.h"
#include "connectors/topic/kafka/kafka.h"
#include "connectors/topic/options.h"
#include "core/registry.h"

namespace leat {
namespace topic {
namespace {

Result<std::unique_ptr<Source>> MakeSource(const Config& config, const Context& context) {
  ASSIGN_OR_RETURN(SourceOptions options, ReadSource(config));
  if (!context.project.broker.embedded()) {
    return kafka::MakeSource(std::move(options), context);
  }
  return std::unique_ptr<Source>(
      std::make_unique<embedded::EmbeddedSource>(std::move(options), context));
}

Result<std::unique_ptr<Sink>> MakeSink(const Config& config, const Context& context) {
  if (!context.project.broker.embedded()) {
    return kafka::MakeSink(ReadSink(config), context);
  }
  return embedded::EmbeddedSink::Make(ReadSink(config), context);
}

// The embedded broker is there with the project: nothing to prove.
Result<std::vector<CheckItem>> CheckSource(const Config& config, const Context& context) {
  if (context.project.broker.embedded()) return std::vector<CheckItem>();
  ASSIGN_OR_RETURN(SourceOptions options, ReadSource(config));
  return kafka::CheckSource(options, context);
}

Result<std::vector<CheckItem>> CheckSink(const Config&, const Context& context) {
  if (context.project.broker.embedded()) return std::vector<CheckItem>();
  return kafka::CheckSink(context);
}

SourceType MakeSourceType() {
  SourceType type;
  type.spec.name = "topic";
  type.spec.summary = "Reads topics of the project's broker: embedded, or Kafka.";
  type.spec.fields = SourceFields();
  type.spec.example =
      "topic:\n  name: enriched_orders\n  group: sink-mysql-workers\n  format: json\n";
  type.validate = ValidateSource;
  type.make = MakeSource;
  type.check = CheckSource;
  type.workers = [](const Config& config) {
    return static_cast<int>(config.Int("workers"));
  };
  return type;
}

SourceType MakeHttpType() {
  SourceType type;
  type.spec.name = "http";
  type.spec.summary = "Accepts records by POST and keeps them until they are read.";
  type.spec.fields = http::SourceFields();
  type.spec.example = "http:\n  port: 7001\n  path: /api/orders\n";
  type.validate = http::ValidateSource;
  type.make = http::HttpSource::Make;
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
  type.make = MakeSink;
  type.check = CheckSink;
  return type;
}

}  // namespace
}  // namespace topic

void RegisterTopic(Registry* registry) {
  registry->Add(topic::MakeSourceType());
  registry->Add(topic::MakeHttpType());
  registry->Add(topic::MakeSinkType());
}

}  // namespace leat
