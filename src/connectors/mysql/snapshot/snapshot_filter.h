// What of the log counts while tables are being read: of a table under way, the rows of
// keys that were taken already. Owned by Snapshot, used by the owner's thread.
// Errors as Client's: keys with a collation or a calendar are compared by the server.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "connectors/mysql/client/client.h"
#include "connectors/mysql/snapshot/chunk_key.h"
#include "data/batch.h"

namespace leat::mysql {

class SnapshotFilter {
 public:
  explicit SnapshotFilter(const Url& url) : url_(url) {}

  // A table that is read, by this key.
  void Follow(const TableId& id, ChunkKey key) { keys_[id] = std::move(key); }
  bool Follows(const TableId& id) const { return keys_.contains(id); }

  Status Apply(Chunk* chunk, const SnapshotProgress& progress);

 private:
  // For each key whether it is at or before `limit`.
  Result<std::vector<bool>> NotAfter(const ChunkKey& key,
                                     const std::vector<KeyValues>& values,
                                     const KeyValues& limit);
  Result<std::vector<bool>> NotAfter(const ChunkKey& key, const arrow::RecordBatch& rows,
                                     const KeyValues& limit);

  const Url url_;
  std::map<TableId, ChunkKey> keys_;
  std::unique_ptr<Client> client_;  // made for the first key that needs the server
};

}  // namespace leat::mysql
