// A pipeline file's `mysql` mapping below `to`, as the sink's parts use it. A value.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "connectors/mysql/client/url.h"
#include "core/config.h"
#include "core/spec.h"
#include "data/schema.h"

namespace leat::mysql {

struct SinkOptions {
  enum class Mode : uint8_t {
    kInsert,  // each row is a new one
    kUpsert,  // each row replaces the one of its key; deletes are left out
    kApply,   // as at the source, deletes and changed keys included
  };

  Url url;
  std::string table;
  Mode mode = Mode::kUpsert;
  std::vector<std::string> key;                // the source's names; empty: its key
  std::map<std::string, std::string> columns;  // the source's name -> the table's
  bool create = true;
  std::string ddl;  // makes a missing table; empty: made from the source's schema
  bool evolve = true;
  int workers = 1;
  int batch_rows = 0;  // of one statement
  bool foreign_key_checks = true;

  bool keyed() const { return mode != Mode::kInsert; }
  // The table that rows of `source` go to.
  TableId TableFor(const TableId& source) const;
};

Spec SinkSpec();
void ValidateSink(const Config& config, Diagnostics* diagnostics);
// kConfig: the url is malformed or names no database.
Result<SinkOptions> ReadSinkOptions(const Config& config);

}  // namespace leat::mysql
