#include "connectors/iceberg/data/parquet_reader.h"

#include <arrow/array/util.h>
#include <arrow/compute/api.h>
#include <arrow/io/interfaces.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <numeric>

namespace leat::iceberg {
namespace {

constexpr int64_t kReadRows = 65536;

Status Unreadable(const std::string& location, std::string_view why) {
  return Status::Data("reading " + location + ": " + std::string(why) +
                      "; the file is damaged or not a Parquet file");
}

}  // namespace

ParquetReader::ParquetReader(std::string location, std::shared_ptr<arrow::Schema> wanted)
    : location_(std::move(location)), wanted_(std::move(wanted)) {}

ParquetReader::~ParquetReader() = default;

Result<std::unique_ptr<ParquetReader>> ParquetReader::Open(FileIo& files,
                                                           const std::string& location,
                                                           const Schema& wanted) {
  std::unique_ptr<ParquetReader> reader(new ParquetReader(location, wanted.ToArrow()));
  ASSIGN_OR_RETURN(auto file, files.Open(location));
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_batch_size(kReadRows);
  properties.set_pre_buffer(!files.local());
  try {
    parquet::arrow::FileReaderBuilder builder;
    arrow::Status status = builder.Open(std::move(file));
    if (status.ok()) status = builder.properties(properties)->Build(&reader->file_);
    if (!status.ok()) return FromArrow(status, "reading " + location);
    const parquet::FileMetaData& footer = *reader->file_->parquet_reader()->metadata();
    std::vector<int> columns;
    for (const NestedField& field : wanted.fields) {
      int at = -1;
      for (int c = 0; c < footer.schema()->num_columns() && at < 0; c++) {
        if (footer.schema()->Column(c)->schema_node()->field_id() == field.id) at = c;
      }
      reader->position_.push_back(at);
      if (at >= 0) columns.push_back(at);
    }
    // The reader answers columns in the file's order.
    std::sort(columns.begin(), columns.end());
    for (int& at : reader->position_) {
      if (at < 0) continue;
      at = static_cast<int>(std::lower_bound(columns.begin(), columns.end(), at) -
                            columns.begin());
    }
    std::vector<int> groups(static_cast<size_t>(footer.num_row_groups()));
    std::iota(groups.begin(), groups.end(), 0);
    auto rows = reader->file_->GetRecordBatchReader(groups, columns);
    if (!rows.ok()) return FromArrow(rows.status(), "reading " + location);
    reader->rows_ = *std::move(rows);
  } catch (const std::exception& e) {
    return Unreadable(location, e.what());
  }
  return reader;
}

Result<std::shared_ptr<arrow::RecordBatch>> ParquetReader::Next() {
  std::shared_ptr<arrow::RecordBatch> batch;
  try {
    const arrow::Status status = rows_->ReadNext(&batch);
    if (!status.ok()) return FromArrow(status, "reading " + location_);
  } catch (const std::exception& e) {
    return Unreadable(location_, e.what());
  }
  if (!batch) return batch;
  arrow::ArrayVector columns;
  for (size_t c = 0; c < position_.size(); c++) {
    const auto& type = wanted_->field(static_cast<int>(c))->type();
    auto column =
        position_[c] < 0
            ? arrow::MakeArrayOfNull(type, batch->num_rows())
            : arrow::Result<std::shared_ptr<arrow::Array>>(batch->column(position_[c]));
    if (column.ok() && !(*column)->type()->Equals(type)) {
      column = arrow::compute::Cast(**column, type);
    }
    if (!column.ok()) return FromArrow(column.status(), "reading " + location_);
    columns.push_back(*column);
  }
  return arrow::RecordBatch::Make(wanted_, batch->num_rows(), std::move(columns));
}

}  // namespace leat::iceberg
