#include "store/topics/schemas.h"

#include <rocksdb/write_batch.h>

#include "format/schema_bytes.h"
#include "store/database.h"
#include "store/topics/topic_keys.h"

namespace leat {
namespace {

// A source makes a new object with every change of a table and every restart.
constexpr size_t kMostKept = 4096;

}  // namespace

Result<std::string> KeptSchemas::Keep(const SchemaRef& schema) {
  std::lock_guard lock(mutex_);
  if (auto kept = kept_.find(schema.get()); kept != kept_.end()) {
    return kept->second.second;
  }
  ASSIGN_OR_RETURN(const std::string bytes, EncodeSchema(*schema));
  std::string name = SchemaHash(bytes);
  const std::string key = topic_keys::Schema(name);
  ASSIGN_OR_RETURN(auto there, database_.Get(key));
  if (!there) {
    rocksdb::WriteBatch batch;
    batch.Put(key, bytes);
    RETURN_IF_ERROR(database_.Write(&batch, /*sync=*/false));
  }
  if (kept_.size() >= kMostKept) kept_.clear();
  kept_[schema.get()] = {schema, name};
  return name;
}

Result<SchemaRef> KeptSchemas::Find(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (auto found = found_.find(name); found != found_.end()) return found->second;
  ASSIGN_OR_RETURN(auto bytes, database_.Get(topic_keys::Schema(name)));
  if (!bytes) {
    return Status::Config("the schema " + name +
                          " of a topic's rows is not in the store");
  }
  ASSIGN_OR_RETURN(SchemaRef schema, DecodeSchema(*bytes));
  found_[name] = schema;
  return schema;
}

}  // namespace leat
