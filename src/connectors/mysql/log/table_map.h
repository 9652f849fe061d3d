// The binlog's TABLE_MAP_EVENT: which table the row events after it are about and what
// its columns are, from binlog_row_metadata=FULL alone. Source: MySQL's
// Table_map_log_event, MariaDB's the same with three differences (see the .cc). Errors:
// kConfig when the metadata is missing, with the statement that mends it; kTransient for
// bytes that are none (the stream is read again).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "connectors/mysql/values/column.h"

namespace leat::mysql {

struct TableMap {
  uint64_t id = 0;
  uint16_t flags = 0;
  // binlog_row_metadata=FULL was on: names, labels and key are known. Without it `table`
  // has types, sizes and nullability; DescribeFrom fills in the rest.
  bool full = false;
  TableDef table;
};

// Database and table alone, for skipping what nobody follows.
struct TableMapName {
  uint64_t id = 0;
  std::string_view database;
  std::string_view table;
};
Result<TableMapName> PeekTableMap(std::string_view body);

// `body` is what follows the 19 bytes of the event's header, without the checksum.
// With `need_full` missing metadata is an error that names `SET GLOBAL
// binlog_row_metadata=FULL`.
Result<TableMap> ParseTableMap(std::string_view body, Flavor flavor,
                               bool need_full = true);

// For `metadata: minimal`: names, signedness, character sets, labels and key out of
// `described` (information_schema) into a map without FULL metadata. kConfig when the
// two do not fit: another number of columns, types or sizes.
Status DescribeFrom(const TableDef& described, TableMap* map);

}  // namespace leat::mysql
