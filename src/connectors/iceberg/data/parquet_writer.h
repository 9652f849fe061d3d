// ParquetWriter: one Parquet file, written batch by batch, with what Iceberg keeps of it.
//
// Encodings: deltas for whole numbers, dates and times; a dictionary only for text that
// repeats in the first rows; zstd-1 over all. The first rows are held back until they are
// enough to choose by. Rows are kept encoded and
// compressed in memory until a row group is full.
//
// One owner, one thread. Errors: those of FileIo. Dropped without Close, its file is left
// as it is and nobody names it.
#pragma once

#include <arrow/record_batch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/metadata/schema.h"
#include "wire/file_io.h"

namespace parquet::arrow {
class FileWriter;
}

namespace leat::iceberg {

class ParquetWriter {
 public:
  struct Options {
    int64_t row_group_bytes = int64_t{64} << 20;  // of rows in memory
    int zstd_level = 1;
    // Bounds of text are not cut, and text has a dictionary, which some readers of delete
    // files insist on.
    bool position_deletes = false;
  };

  // `schema` may be of deletes too; its Arrow form is that of every batch.
  static Result<std::unique_ptr<ParquetWriter>> Open(FileIo& files,
                                                     const std::string& location,
                                                     const Schema& schema,
                                                     const Options& options);
  ~ParquetWriter();

  Status Write(const std::shared_ptr<arrow::RecordBatch>& batch);
  // The file with its statistics; partition and spec are the caller's to fill in.
  Result<DataFile> Close();

  const std::string& location() const { return file_->location(); }
  int64_t rows() const { return rows_; }
  int64_t file_bytes() const;                              // written out so far
  int64_t buffered_bytes() const { return group_bytes_; }  // of rows not yet written out

 private:
  ParquetWriter(Schema schema, const Options& options);

  Status WriteEncoded(const arrow::RecordBatch& batch);
  Status Start();
  void CountNans(const arrow::RecordBatch& batch);

  const Schema schema_;
  const Options options_;
  const std::shared_ptr<arrow::Schema> arrow_;
  std::unique_ptr<OutputFile> file_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> first_;  // until Start
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::map<int, int64_t> nan_counts_;
  int64_t rows_ = 0;
  int64_t group_bytes_ = 0;
  bool group_full_ = false;
};

}  // namespace leat::iceberg
