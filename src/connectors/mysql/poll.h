// `read: poll`: new rows of one table by a column that grows with each insert or change,
// asked for every interval. For servers whose log cannot be read. docs/mysql.md says what
// this cannot promise: deletes are not seen, nor is a change that leaves the cursor
// alone.
//
// Each query asks for rows at or after a floor, in the order of cursor and key, and
// leaves out those already given, known by a hash of the whole row. The floor is the last
// cursor, so that rows which join it later (ties) or change under it are found; with
// `settle` it stays behind for that long, so that rows whose transaction commits late
// under a lower cursor are found too. Floor and hashes are the position.
//
// A Source of its own (see core/source.h), made instead of the log's. Errors as Client's.
#pragma once

#include <memory>
#include <string>

#include "connectors/mysql/client/url.h"
#include "connectors/mysql/values/column.h"
#include "core/source.h"

namespace leat::mysql {

struct PollOptions {
  std::string table;   // in the url's database, or database.table
  std::string cursor;  // the column
  Micros every = std::chrono::seconds(10);
  int64_t limit = 1000;  // rows of one query
  Micros settle = Micros(0);
  ValueOptions values;
};

Result<std::unique_ptr<Source>> MakePollSource(const Url& url, const PollOptions& options,
                                               const Context& context);

}  // namespace leat::mysql
