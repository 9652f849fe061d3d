// Filling a key index from its table: the key columns of the data files, without the rows
// that position deletes name. After a start on another machine, a foreign commit, or a
// crash of the machine.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "connectors/iceberg/data/position_delete.h"
#include "connectors/iceberg/index/key_hash.h"
#include "connectors/iceberg/index/key_index.h"
#include "connectors/iceberg/table.h"

namespace leat::iceberg {

struct IndexSource {
  FileIo& files;
  Table& table;
  const KeyHasher& hasher;
  const std::vector<std::string>& key;  // column names, in key order
  Logger& log;
  const CancelToken& cancel;
};

// Makes the index stand for the table's current snapshot, reading only what came since
// the one it stands for where that is an ancestor; and fills `targets` with the table's
// data files. Changes open in the index must have been undone. kCancelled when told to
// stop.
Status BringUpToDate(const IndexSource& source, KeyIndex* index, DataTargets* targets);

// The current snapshot's data files alone, for an index that stands for it.
Status LoadTargets(Table& table, KeyIndex* index, DataTargets* targets);

// True when `ancestor` is the current snapshot or one of its parents.
bool DescendsFrom(const TableMetadata& metadata, int64_t ancestor);

}  // namespace leat::iceberg
