// SqlStep: what a SELECT makes of each batch, table by table.
//
// A query whose rows each belong to one row of the input keeps their operations: an
// update that the filter lets in, or no longer, becomes an insert or a delete. A query
// that combines rows (GROUP BY, DISTINCT) sees one batch at a time and answers inserts;
// it is refused where rows are updated or deleted. The key stays where its columns are in
// the result under their names. Rows on which the query fails are rejected one by one.
// Threads, errors: core/step.h.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/step.h"
#include "steps/sql/query.h"

namespace leat::sql {

struct SqlOptions {
  std::string query;
  std::vector<std::string> tables;  // patterns of names; empty: every table
};

class SqlStep final : public Step {
 public:
  static Result<std::unique_ptr<Step>> Make(SqlOptions options);

  // A filter has to know whether the row was there before.
  Needs needs() const override;
  Result<SchemaRef> Shape(const SchemaRef& input) override;
  Status Apply(Batch batch, StepContext& context) override;

 private:
  struct Shaped {
    SchemaRef input;
    SchemaRef output;
    std::unique_ptr<Query> query;
  };
  explicit SqlStep(SqlOptions options) : options_(std::move(options)) {}
  bool Wants(const TableId& table) const;
  Result<Shaped*> ShapedFor(const SchemaRef& input);
  Status Change(const Batch& batch, Chunk* chunk, StepContext& context);

  const SqlOptions options_;
  std::unique_ptr<Engine> engine_;
  bool keeps_every_row_ = false;
  std::map<TableId, Shaped> shaped_;
};

}  // namespace leat::sql
