#include "connectors/topic/kafka/kafka.h"

#include <fmt/format.h>

#include "connectors/topic/kafka/access.h"
#include "connectors/topic/kafka/admin.h"
#include "connectors/topic/kafka/commit_log.h"
#include "connectors/topic/kafka/sink.h"
#include "connectors/topic/kafka/source.h"

namespace leat::topic::kafka {
namespace {

constexpr auto kTimeout = Millis(10'000);

// A client that got through to the brokers, which is the first thing to prove.
Result<std::unique_ptr<Client>> Reach(Role role, const Context& context,
                                      std::vector<CheckItem>* items) {
  const Broker& broker = context.project.broker;
  Settings settings;
  if (role == Role::kConsumer) settings.emplace_back("group.id", context.pipeline);
  ASSIGN_OR_RETURN(auto client, Client::Make(broker, role, settings, context.log));
  Status reached = client->Connect(kTimeout);
  items->push_back({reached.ok(),
                    fmt::format("Kafka at {} can be reached", broker.servers.front()),
                    reached.ok() ? "" : reached.message()});
  return client;
}

}  // namespace

Result<std::unique_ptr<Source>> MakeSource(SourceOptions options,
                                           const Context& context) {
  RETURN_IF_ERROR(CheckOptions(context.project.broker));
  return std::unique_ptr<Source>(
      std::make_unique<KafkaSource>(std::move(options), context));
}

Result<std::unique_ptr<Sink>> MakeSink(SinkOptions options, const Context& context) {
  RETURN_IF_ERROR(CheckOptions(context.project.broker));
  ASSIGN_OR_RETURN(auto encoder, MakeEncoder({options.format, options.topic,
                                              &context.clock, &context.log}));
  return std::unique_ptr<Sink>(
      std::make_unique<KafkaSink>(std::move(options), std::move(encoder), context));
}

Result<std::unique_ptr<TopicAccess>> MakeAccess(const Broker& broker, Logger& log) {
  return KafkaAccess::Make(broker, log);
}

Result<std::vector<CheckItem>> CheckSource(const SourceOptions& options,
                                           const Context& context) {
  std::vector<CheckItem> items;
  ASSIGN_OR_RETURN(auto client, Reach(Role::kConsumer, context, &items));
  if (!items.back().ok) return items;
  ASSIGN_OR_RETURN(auto topics, client->Topics(kTimeout));
  for (const std::string& name : options.topics.names) {
    const bool there = topics.contains(name);
    items.push_back({there, fmt::format("topic {} exists", name),
                     there ? "" : "leat topics create " + name});
  }
  return items;
}

Result<std::vector<CheckItem>> CheckSink(const Context& context) {
  std::vector<CheckItem> items;
  ASSIGN_OR_RETURN(auto client, Reach(Role::kProducer, context, &items));
  if (!items.back().ok) return items;
  ASSIGN_OR_RETURN(auto config, Admin(*client, kTimeout).Describe(CommitLog::kTopic));
  const bool keeps = !config || (*config)["cleanup.policy"] == "compact";
  items.push_back({keeps,
                   config ? "topic leat-commits keeps what it is told"
                          : "topic leat-commits will be created",
                   keeps ? ""
                         : "kafka-configs.sh --alter --entity-type topics --entity-name "
                           "leat-commits --add-config cleanup.policy=compact"});
  return items;
}

}  // namespace leat::topic::kafka
