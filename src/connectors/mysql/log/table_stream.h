// The rows of one table and one shape, out of row events into one Chunk of the batch that
// is being built. Owned by a LogStream; one thread. Errors: as RowDecoder's; kData for
// row events that are cut off.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/log/event.h"
#include "connectors/mysql/log/row_decoder.h"
#include "connectors/mysql/log/table_map.h"
#include "connectors/mysql/row_meta.h"
#include "connectors/mysql/values/column_builder.h"
#include "core/context.h"
#include "data/batch.h"

namespace leat::mysql {

class TableStream {
 public:
  TableStream(const TableDef& table, SchemaRef schema, const ValueOptions& values,
              const Needs& needs, Flavor flavor);

  const SchemaRef& schema() const { return schema_; }
  int64_t rows() const { return rows_.rows(); }
  int64_t bytes() const;

  // The event's rows but the first `skip`. `seq` is the first one's and is moved behind
  // the last. Answers how many rows the event had.
  Result<int64_t> Append(const RowsEvent& event, const RowContext& context, int64_t skip,
                         uint32_t* seq, std::vector<DeadLetter>* rejects);

  Result<Chunk> Finish();

  int64_t zero_dates() const { return decoder_.zero_dates(); }

 private:
  // The rows of an event on their way.
  struct Rows {
    const RowsEvent& event;
    const RowContext& context;
    int64_t skip;
    ByteReader in;
    int64_t taken = 0;
  };
  Result<bool> AppendBlock(Rows* rows);
  Status AppendSingly(Rows* rows, std::vector<DeadLetter>* rejects);
  Result<bool> AppendRow(RowsKind kind, ByteReader* in, DeadLetter* reject);

  SchemaRef schema_;
  RowDecoder decoder_;
  TableBuilder rows_;
  std::unique_ptr<TableBuilder> before_;  // null: nobody needs it
  std::vector<Op> ops_;
  std::vector<uint32_t> seq_;
  std::vector<int64_t> time_;
  std::unique_ptr<RowMeta> meta_;  // null: nobody needs it
};

}  // namespace leat::mysql
