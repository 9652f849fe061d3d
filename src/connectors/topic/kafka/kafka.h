// Topics of a Kafka cluster, as the connector `topic` chooses them. Any thread.
#pragma once

#include <memory>
#include <vector>

#include "base/log.h"
#include "connectors/topic/access.h"
#include "connectors/topic/options.h"
#include "core/context.h"
#include "core/registry.h"
#include "core/sink.h"
#include "core/source.h"

namespace leat::topic::kafka {

Result<std::unique_ptr<Source>> MakeSource(SourceOptions options, const Context& context);
Result<std::unique_ptr<Sink>> MakeSink(SinkOptions options, const Context& context);

// What the commands do with a cluster; it can be reached. Borrows the logger.
Result<std::unique_ptr<TopicAccess>> MakeAccess(const Broker& broker, Logger& log);

// `leat check`: the brokers can be reached and let us in, the topics are there.
Result<std::vector<CheckItem>> CheckSource(const SourceOptions& options,
                                           const Context& context);
Result<std::vector<CheckItem>> CheckSink(const Context& context);

}  // namespace leat::topic::kafka
