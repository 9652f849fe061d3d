// Why a row was refused, in words for a dead letter. Pure functions.
#pragma once

#include <arrow/record_batch.h>

#include <string>

#include "connectors/mysql/sink/plan.h"
#include "connectors/mysql/sink/row_statement.h"

namespace leat::mysql {

// The server's words, with the column it names and the row's value of it in front.
std::string ReasonOf(const TablePlan& plan, const arrow::RecordBatch& batch, int64_t row,
                     const ServerError& error);

}  // namespace leat::mysql
