// A staged epoch whose position deletes name data files that somebody rewrote meanwhile:
// the same deletes against the files that have the rows now.
#pragma once

#include "base/status.h"
#include "connectors/iceberg/staged_table.h"
#include "connectors/iceberg/table.h"
#include "wire/file_io.h"

namespace leat::iceberg {

// Reads the keys of the deleted rows from the files that are gone from the table (their
// snapshot still has them), looks these keys up in the files that appeared, and writes
// the delete files anew; FileIo::Sync makes them durable. kConfig where a file was
// removed from the warehouse as well, so that nobody can tell which rows were meant.
Result<StagedTable> RecomputeDeletes(FileIo& files, Table& table, StagedTable staged,
                                     const TableCommit& conflict);

}  // namespace leat::iceberg
