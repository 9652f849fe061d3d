// How Debezium's MySQL and MariaDB connectors see a column: its Kafka Connect schema and
// the form of its values. Source: the connectors' value converters
// (BinlogValueConverters, JdbcValueConverters, TemporalPrecisionMode) of Debezium 3.5,
// and what they wrote of every type (docs/formats.md). Any thread.
#pragma once

#include <string>

#include "data/schema.h"
#include "format/json/row_writer.h"
#include "format/options.h"

namespace leat::debezium {

struct ConnectColumn {
  // Its schema as JsonConverter writes it, but for "default" and "field" at its end:
  // {"type":"int32","optional":true
  std::string schema;
  json::RowField field;           // of rows out of the log
  json::RowField snapshot_field;  // of a snapshot's rows, where that differs
  bool geometry = false;          // has an SRID
};

// `optional`: the source allows null. A column without a source type (it does not come
// out of a database) is mapped by its Arrow type.
ConnectColumn MapColumn(const Column& column, int position, bool optional,
                        const DebeziumOptions& options);

}  // namespace leat::debezium
