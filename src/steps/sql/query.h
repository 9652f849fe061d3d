// Query: one SELECT over batches of one shape, prepared once. The batch is the table
// `input`. Where each row of the result belongs to one row of the input (a projection, a
// filter), the query also says to which. Owned by a step; one thread. Errors: kConfig for
// SQL that does not fit the shape, kData where it fails on the rows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "steps/sql/engine.h"

namespace leat::sql {

struct Answer {
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<int64_t> origin;  // the input row of each, when the query is by row
};

class Query {
 public:
  static Result<std::unique_ptr<Query>> Make(Engine& engine, const std::string& sql,
                                             const std::shared_ptr<arrow::Schema>& input);
  ~Query();

  // Each row of the result belongs to one of the input.
  bool by_row() const { return by_row_; }
  const std::shared_ptr<arrow::Schema>& output() const { return output_; }

  Result<Answer> Run(const arrow::RecordBatch& input);

 private:
  struct Input;
  Query() = default;
  Status MakeInput(Engine& engine, const std::shared_ptr<arrow::Schema>& schema);
  Status PrepareSelect(const std::string& sql);
  Status Describe();

  Connection connection_;
  std::unique_ptr<Input> input_;
  Statement statement_;
  ArrowOptions options_;
  bool by_row_ = false;
  std::shared_ptr<arrow::Schema> answer_;  // as DuckDB gives it
  std::vector<int> columns_;               // of answer_ that are output_
  std::shared_ptr<arrow::Schema> output_;
};

// Every row of the input has one in the result, whatever the tables are: nothing filters.
// Errors: kConfig where the text is not one SELECT.
Result<bool> KeepsEveryRow(Engine& engine, const std::string& sql);

}  // namespace leat::sql
