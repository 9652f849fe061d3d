// KeptSchemas: the schemas of the rows in embedded topics, each kept once under a name
// made of its content. The same schema is the same object for every segment that has it,
// so that a pointer tells whether a table has changed.
//
// Owned by the TopicLog. Thread-safe. Errors: the database's.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/status.h"
#include "data/schema.h"

namespace leat {

class Database;

class KeptSchemas {
 public:
  explicit KeptSchemas(Database& database) : database_(database) {}

  // The schema's name; it is in the store, as durable as the next synced write.
  Result<std::string> Keep(const SchemaRef& schema);
  Result<SchemaRef> Find(const std::string& name);

 private:
  Database& database_;
  std::mutex mutex_;
  std::map<std::string, SchemaRef> found_;
  // By the object; it is held, so that no other one can have its address.
  std::map<const TableSchema*, std::pair<SchemaRef, std::string>> kept_;
};

}  // namespace leat
