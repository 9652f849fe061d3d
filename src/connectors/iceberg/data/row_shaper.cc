#include "connectors/iceberg/data/row_shaper.h"

#include <arrow/array/util.h>
#include <arrow/builder.h>
#include <arrow/compute/api.h>
#include <arrow/scalar.h>

#include "wire/file_io.h"

namespace leat::iceberg {
namespace {

// Value by value, since the whole column could not be cast: finds which could not.
Result<std::shared_ptr<arrow::Array>> CastEach(const arrow::Array& column,
                                               const std::shared_ptr<arrow::Field>& to,
                                               std::map<int64_t, std::string>* bad) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  arrow::Status status =
      arrow::MakeBuilder(arrow::default_memory_pool(), to->type(), &builder);
  for (int64_t i = 0; i < column.length() && status.ok(); i++) {
    const auto cast = arrow::compute::Cast(*column.Slice(i, 1), to->type());
    if (!cast.ok()) {
      const auto value = column.GetScalar(i);
      (*bad)[i] = "column " + to->name() + " of type " + to->type()->ToString() +
                  " cannot hold " + (value.ok() ? (*value)->ToString() : "its value");
      status = builder->AppendNull();
      continue;
    }
    status = builder->AppendArraySlice(arrow::ArraySpan(*(*cast)->data()), 0, 1);
  }
  std::shared_ptr<arrow::Array> made;
  if (status.ok()) status = builder->Finish(&made);
  if (!status.ok()) return FromArrow(status, "converting column " + to->name());
  return made;
}

}  // namespace

Result<RowShaper> RowShaper::Make(const arrow::Schema& source, const Schema& table) {
  RowShaper made;
  made.arrow_ = table.ToArrow();
  for (const auto& field : made.arrow_->fields()) {
    Mapping m;
    m.source = source.GetFieldIndex(field->name());
    m.required = !field->nullable();
    if (m.source < 0 && m.required) {
      return Status::Config("the table requires column " + field->name() +
                            ", which the source does not have; make it optional");
    }
    if (m.source >= 0) m.cast = !source.field(m.source)->type()->Equals(field->type());
    made.columns_.push_back(m);
  }
  return made;
}

Result<std::shared_ptr<arrow::RecordBatch>> RowShaper::Shape(
    const arrow::RecordBatch& rows, std::map<int64_t, std::string>* bad) const {
  arrow::ArrayVector columns;
  columns.reserve(columns_.size());
  for (size_t c = 0; c < columns_.size(); c++) {
    const Mapping& m = columns_[c];
    const auto& field = arrow_->field(static_cast<int>(c));
    if (m.source < 0) {
      auto nulls = arrow::MakeArrayOfNull(field->type(), rows.num_rows());
      if (!nulls.ok())
        return FromArrow(nulls.status(), "filling column " + field->name());
      columns.push_back(*nulls);
      continue;
    }
    std::shared_ptr<arrow::Array> column = rows.column(m.source);
    if (m.cast) {
      const auto cast = arrow::compute::Cast(*column, field->type());
      if (cast.ok()) {
        column = *cast;
      } else {
        ASSIGN_OR_RETURN(column, CastEach(*column, field, bad));
      }
    }
    if (m.required && column->null_count() > 0) {
      for (int64_t i = 0; i < column->length(); i++) {
        if (column->IsNull(i)) {
          bad->try_emplace(i, "column " + field->name() +
                                  " is null and the table "
                                  "requires a value");
        }
      }
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(arrow_, rows.num_rows(), std::move(columns));
}

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& rows,
    const std::vector<int64_t>& indices) {
  const auto count = static_cast<int64_t>(indices.size());
  const arrow::Int64Array positions(count, arrow::Buffer::Wrap(indices));
  arrow::ArrayVector columns;
  columns.reserve(static_cast<size_t>(rows->num_columns()));
  for (const auto& column : rows->columns()) {
    auto taken = arrow::compute::Take(*column, positions,
                                      arrow::compute::TakeOptions::NoBoundsCheck());
    if (!taken.ok()) return FromArrow(taken.status(), "picking rows");
    columns.push_back(*taken);
  }
  return arrow::RecordBatch::Make(rows->schema(), count, std::move(columns));
}

}  // namespace leat::iceberg
