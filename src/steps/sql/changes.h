// The operations of a query's rows: which of a chunk's rows are still there, and what
// each became. Functions; any thread.
#pragma once

#include "data/batch.h"
#include "steps/sql/query.h"

namespace leat::sql {

// The chunk that `rows` (the query over chunk.rows) and `before` (over chunk.before, if
// it has one) make of `chunk`, whose schema is then `schema`. Errors: kConfig where one
// row that was updated or deleted became several.
Result<Chunk> ByRow(const Chunk& chunk, const SchemaRef& schema, const Answer& rows,
                    const Answer* before);

// The chunk of a query that combined the rows: inserts, all at the place of the last.
// Errors: kConfig where rows were updated or deleted.
Result<Chunk> Combined(const Chunk& chunk, const SchemaRef& schema, const Answer& rows);

}  // namespace leat::sql
