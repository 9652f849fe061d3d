// Rows of the text protocol into column builders, value for value what RowDecoder makes
// of the same row. Owned by a snapshot or poll reader; one thread.
//
// The session that selects must have: SET NAMES utf8mb4; time_zone='+00:00'; an sql_mode
// without PAD_CHAR_TO_FULL_LENGTH and ANSI_QUOTES (ours is ''). Each column must be
// selected by SelectExpression.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "connectors/mysql/values/column.h"
#include "connectors/mysql/values/column_builder.h"
#include "data/batch.h"

namespace leat::mysql {

// `name` in backquotes, its backquotes doubled.
std::string QuoteName(std::string_view name);

// What to SELECT for the column so that the text loses nothing: FLOAT is rounded in text,
// characters of other sets than Unicode's are converted by us as in the stream.
std::string SelectExpression(const ColumnDef& column);

class TextDecoder {
 public:
  TextDecoder(const TableDef& table, const ValueOptions& options);
  ~TextDecoder();
  TextDecoder(TextDecoder&&) noexcept;
  TextDecoder& operator=(TextDecoder&&) noexcept;

  // `values` and `lengths` as mysql_fetch_row and mysql_fetch_lengths give them
  // (MYSQL_ROW is char**), one for each column of the table. False: at fault, as
  // RowDecoder::Append. kTransient: text that the column's type cannot have.
  Result<bool> Append(const char* const* values, const unsigned long* lengths,
                      TableBuilder* out, DeadLetter* reject);

  int64_t zero_dates() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leat::mysql
