// What decoders share: rows that came out of records into a batch, with their times and
// the facts about their records, and records that cannot be read as dead letters. Any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/batch.h"
#include "format/records.h"

namespace leat {

bool IsUtf8(std::string_view bytes);

// Milliseconds that anybody may have written as microseconds: those beyond all calendars
// stay where sums and differences cannot overflow.
int64_t BoundedMicros(int64_t millis);
// A record's own.
int64_t MicrosOf(const Records& records, int64_t record);

// The table has this shape from `seq` on.
void Announce(SchemaRef schema, uint32_t seq, Batch* out);

// Finishes a chunk whose schema, rows, ops (and before) are filled and adds it to the
// batch. `taken` has the record of each row. Without `time` it gets the records' times,
// without `seq` it goes on where the batch ends; with `meta` it gets _key, _headers,
// _partition and _offset.
Status AddRecordRows(const Records& records, const std::vector<int64_t>& taken, bool meta,
                     Chunk chunk, Batch* out);

// All of a record as one JSON object, from which it can be produced again: topic, place,
// timestamp, key, value, headers; bytes that are not UTF-8 in base64 (value_base64).
std::string RecordText(const Records& records, int64_t record);

// The record as a dead letter: reason with its place, and RecordText.
DeadLetter RejectRecord(const Records& records, int64_t record, std::string_view reason);

}  // namespace leat
