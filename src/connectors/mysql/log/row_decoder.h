// Row images of the binlog's row events into column builders. One decoder a table map;
// one thread. Both versions of row events have the same images: the caller reads the
// header of the event, its column bitmaps go to SetColumns.
//
// A row with a value that its column's Arrow type cannot hold is taken back and comes out
// as a dead letter; the bytes are consumed all the same. An update whose before image is
// whole may have the changed columns alone in its after image (MariaDB's FULL_NODUP, and
// MINIMAL of a table without a key): the others did not change. Errors: kConfig for other
// images that are not FULL, naming the statement that mends it; kTransient for malformed
// bytes; after an error the reader stands anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "connectors/mysql/values/column.h"
#include "connectors/mysql/values/column_builder.h"
#include "data/batch.h"

namespace leat::mysql {

class RowDecoder {
 public:
  RowDecoder(const TableDef& table, const ValueOptions& options);
  ~RowDecoder();
  RowDecoder(RowDecoder&&) noexcept;
  RowDecoder& operator=(RowDecoder&&) noexcept;

  // Once an event: its number of columns and the bitmaps of columns that its images have;
  // `after` is empty but for updates. kConfig when a before image lacks a column.
  Status SetColumns(uint64_t columns, std::string_view before, std::string_view after);

  // One image. False: the row is at fault, `reject` tells (its position and time are the
  // caller's to fill in) and nothing of it stays in `out`.
  Result<bool> Append(ByteReader* in, TableBuilder* out, DeadLetter* reject);
  // Two images, of an update; `before` may be null. With `partial` the event is a
  // PARTIAL_UPDATE_ROWS_EVENT, whose JSON columns may be differences from the before
  // image. Both images go in, or none.
  Result<bool> AppendUpdate(ByteReader* in, bool partial, TableBuilder* before,
                            TableBuilder* after, DeadLetter* reject);
  // The next rows of an event, several at once, of one image each, or of two for an
  // update, then `before` may be null. How many; 0: none went in and `in` is where it
  // was, because of a row that Append or AppendUpdate will find at fault.
  static constexpr int64_t kBlockRows = 128;
  int64_t AppendBlock(ByteReader* in, bool update, TableBuilder* before,
                      TableBuilder* after);
  // Frees what AppendBlock keeps from call to call.
  void ReleaseBlocks();
  // One image, of a row nobody needs.
  Status Skip(ByteReader* in);

  // Dates that no calendar has and that became null since the start.
  int64_t zero_dates() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leat::mysql
