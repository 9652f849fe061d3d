#include "connectors/iceberg/data/parquet_writer.h"

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include <cmath>
#include <unordered_set>

#include "connectors/iceberg/data/statistics.h"
#include "core/json.h"

namespace leat::iceberg {
namespace {

constexpr int64_t kSampleRows = 8192;  // to choose encodings by
constexpr int64_t kDictionaryPageBytes = int64_t{256} << 10;

// True when the text repeats enough for a dictionary to be smaller and cheaper.
bool Repeats(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows, int column) {
  std::unordered_set<std::string_view> seen;
  int64_t looked = 0;
  for (const auto& batch : rows) {
    const auto& array = static_cast<const arrow::BinaryArray&>(*batch->column(column));
    for (int64_t i = 0; i < array.length() && looked < kSampleRows; i++) {
      if (array.IsNull(i)) continue;
      looked++;
      seen.insert(array.GetView(i));
      if (seen.size() > kSampleRows / 8) return false;
    }
  }
  return seen.size() * 4 <= static_cast<size_t>(looked);
}

void ChooseEncoding(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows,
                    int column, const Schema& schema, bool always_dictionary,
                    parquet::WriterProperties::Builder* properties) {
  const NestedField& field = schema.fields[static_cast<size_t>(column)];
  const std::string& path = field.name;
  switch (field.type.id) {
    case TypeId::kInt:
    case TypeId::kLong:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      properties->encoding(path, parquet::Encoding::DELTA_BINARY_PACKED);
      break;
    case TypeId::kDecimal:
      if (field.type.precision <= 18) {
        properties->encoding(path, parquet::Encoding::DELTA_BINARY_PACKED);
      }
      break;
    case TypeId::kString:
    case TypeId::kBinary:
      // Other text stays plain: with zstd it is as small as with its lengths apart, and
      // every reader takes it.
      if (always_dictionary || Repeats(rows, column)) properties->enable_dictionary(path);
      break;
    default: break;
  }
}

template <typename FloatArray>
int64_t NansIn(const arrow::Array& array) {
  const auto& floats = static_cast<const FloatArray&>(array);
  int64_t nans = 0;
  for (int64_t i = 0; i < floats.length(); i++) {
    nans += !floats.IsNull(i) && std::isnan(floats.Value(i));
  }
  return nans;
}

// Parquet throws in places that answer no Status.
template <typename F>
arrow::Status Caught(F f) {
  try {
    return f();
  } catch (const std::exception& e) {
    return arrow::Status::IOError(e.what());
  }
}

}  // namespace

ParquetWriter::ParquetWriter(Schema schema, const Options& options)
    : schema_(std::move(schema)), options_(options), arrow_(schema_.ToArrow()) {}

ParquetWriter::~ParquetWriter() {
  // An unfinished writer would write its footer to a stream that is going away.
  if (writer_) (void)Caught([&] { return writer_->Close(); });
}

Result<std::unique_ptr<ParquetWriter>> ParquetWriter::Open(FileIo& files,
                                                           const std::string& location,
                                                           const Schema& schema,
                                                           const Options& options) {
  std::unique_ptr<ParquetWriter> writer(new ParquetWriter(schema, options));
  ASSIGN_OR_RETURN(writer->file_, files.Create(location));
  return writer;
}

int64_t ParquetWriter::file_bytes() const { return file_->stream().Tell().ValueOr(0); }

Status ParquetWriter::Write(const std::shared_ptr<arrow::RecordBatch>& batch) {
  if (batch->num_rows() == 0) return Status::Ok();
  rows_ += batch->num_rows();
  group_bytes_ += arrow::util::ReferencedBufferSize(*batch).ValueOr(0);
  CountNans(*batch);
  if (!writer_) {
    first_.push_back(batch);
    const bool enough = rows_ >= kSampleRows || group_bytes_ >= options_.row_group_bytes;
    if (enough) RETURN_IF_ERROR(Start());
  } else {
    RETURN_IF_ERROR(WriteEncoded(*batch));
  }
  if (group_bytes_ >= options_.row_group_bytes) {
    group_bytes_ = 0;
    group_full_ = true;  // the next rows begin another: an empty one is never written
  }
  return Status::Ok();
}

Status ParquetWriter::Start() {
  parquet::WriterProperties::Builder properties;
  properties.version(parquet::ParquetVersion::PARQUET_2_6)
      ->compression(arrow::Compression::ZSTD)
      ->compression_level(options_.zstd_level)
      ->disable_dictionary()
      ->dictionary_pagesize_limit(kDictionaryPageBytes)
      ->enable_store_decimal_as_integer()
      ->set_size_statistics_level(parquet::SizeStatisticsLevel::None)
      ->max_row_group_length(INT64_MAX)
      ->created_by("leat");
  for (int c = 0; c < static_cast<int>(schema_.fields.size()); c++) {
    ChooseEncoding(first_, c, schema_, options_.position_deletes, &properties);
  }
  parquet::ArrowWriterProperties::Builder arrow_properties;
  arrow_properties.set_use_threads(false);
  // The writer borrows the stream: the file closes it.
  std::shared_ptr<arrow::io::OutputStream> stream(std::shared_ptr<void>(),
                                                  &file_->stream());
  arrow::Status opened = Caught([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(writer_, parquet::arrow::FileWriter::Open(
                                       *arrow_, arrow::default_memory_pool(), stream,
                                       properties.build(), arrow_properties.build()));
    ARROW_RETURN_NOT_OK(writer_->AddKeyValueMetadata(
        arrow::key_value_metadata({"iceberg.schema"}, {DumpJson(schema_.ToJson())})));
    return writer_->NewBufferedRowGroup();
  });
  if (!opened.ok()) return FromArrow(opened, "writing " + location());
  std::vector<std::shared_ptr<arrow::RecordBatch>> rows;
  rows.swap(first_);
  for (const auto& batch : rows) RETURN_IF_ERROR(WriteEncoded(*batch));
  return Status::Ok();
}

Status ParquetWriter::WriteEncoded(const arrow::RecordBatch& batch) {
  const arrow::Status written = Caught([&]() -> arrow::Status {
    if (group_full_) ARROW_RETURN_NOT_OK(writer_->NewBufferedRowGroup());
    group_full_ = false;
    return writer_->WriteRecordBatch(batch);
  });
  return written.ok() ? Status::Ok() : FromArrow(written, "writing " + location());
}

Result<DataFile> ParquetWriter::Close() {
  if (!writer_) RETURN_IF_ERROR(Start());
  const arrow::Status closed = Caught([&] { return writer_->Close(); });
  if (!closed.ok()) return FromArrow(closed, "writing " + location());
  DataFile made;
  made.path = location();
  made.file_size = file_bytes();
  FillStatistics(*writer_->metadata(), schema_, nan_counts_, options_.position_deletes,
                 &made);
  writer_.reset();
  RETURN_IF_ERROR(file_->Close());
  return made;
}

void ParquetWriter::CountNans(const arrow::RecordBatch& batch) {
  for (int c = 0; c < batch.num_columns(); c++) {
    const NestedField& field = schema_.fields[static_cast<size_t>(c)];
    if (field.type.id == TypeId::kFloat) {
      nan_counts_[field.id] += NansIn<arrow::FloatArray>(*batch.column(c));
    } else if (field.type.id == TypeId::kDouble) {
      nan_counts_[field.id] += NansIn<arrow::DoubleArray>(*batch.column(c));
    }
  }
}

}  // namespace leat::iceberg
