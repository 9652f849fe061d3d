// What decoders share: rows that came out of records into a batch, with their times and
// the facts about their records, and records that cannot be read as dead letters. Any
// thread.
#pragma once

#include <string>
#include <vector>

#include "data/batch.h"
#include "format/records.h"

namespace leat {

// The table has this shape from here on.
void Announce(SchemaRef schema, Batch* out);

// Finishes a chunk whose schema, rows, ops (and before) are filled and adds it to the
// batch. `taken` has the record of each row. With `meta` the chunk gets _key, _headers,
// _partition and _offset.
Status AddRecordRows(const Records& records, const std::vector<int64_t>& taken, bool meta,
                     Chunk chunk, Batch* out);

// The record as a dead letter: reason with its place, and all of it as JSON, from which
// it can be produced again; what is not UTF-8 in base64 (key_base64, value_base64).
DeadLetter RejectRecord(const Records& records, int64_t record, std::string_view reason);

}  // namespace leat
