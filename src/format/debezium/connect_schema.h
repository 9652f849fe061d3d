// Kafka Connect's schemas, as JsonConverter puts them into messages, read back: which
// columns a table has, and how the value of each is written. Source: Debezium's schema
// names (io.debezium.time, io.debezium.data) and Connect's logical types. Any thread.
// Errors: kData for what is no such schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/schema.h"
#include "format/debezium/values.h"
#include "format/options.h"

namespace leat::debezium {

struct ConnectField {
  Column column;
  Reading reading;
};

// The columns of an envelope's `after` (or `before`).
Result<std::vector<ConnectField>> ParseEnvelopeSchema(std::string_view json);

// How the values of a declared column are written where no schema says it.
Reading ReadingOf(const Column& column, const DebeziumOptions& options);

}  // namespace leat::debezium
