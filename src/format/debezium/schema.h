// The Kafka Connect schemas of Debezium's messages as JsonConverter writes them. Any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/debezium/columns.h"

namespace leat::debezium {

// A struct of columns: the key's, with name topic.Key, or without `field` the whole
// schema. `optional` and `field` are those of before and after.
std::string StructSchema(const std::vector<ConnectColumn>& columns, std::string_view name,
                         bool optional, std::string_view field);
// Of a message's value.
std::string EnvelopeSchema(const std::vector<ConnectColumn>& columns,
                           std::string_view topic, std::string_view connector);
// Of the transaction topic's records and of the heartbeats'.
std::string_view TransactionKeySchema();
std::string_view TransactionValueSchema();
std::string_view HeartbeatKeySchema();
std::string_view HeartbeatValueSchema();
// Of the records of schema changes.
std::string SchemaChangeKeySchema(std::string_view connector);
std::string SchemaChangeValueSchema(std::string_view connector);

}  // namespace leat::debezium
