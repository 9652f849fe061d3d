// A row or event as a line of JSON. Functions; any thread.
#pragma once

#include <arrow/record_batch.h>

#include <string>

#include "data/batch.h"

namespace leat::standard_output {

// {"table":"db.t","op":"c","ts":1700000000000000,"row":{...}}; of an update also
// "before": its key as it was, where that changed. Decimals, dates and timestamps are
// strings, bytes base64, what JSON has no number for (NaN) a string.
void AppendRow(const Chunk& chunk, int64_t row, int64_t update, std::string* out);
void AppendEvent(const Event& event, std::string* out);

}  // namespace leat::standard_output
