// ParquetReader: chosen columns of one data or delete file, batch by batch, by field id.
// A column the file does not have is null; one of a narrower type is widened.
//
// One owner, one thread. Errors: those of FileIo; kData for a file that is no Parquet.
#pragma once

#include <arrow/record_batch.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/schema.h"
#include "wire/file_io.h"

namespace parquet::arrow {
class FileReader;
}

namespace leat::iceberg {

class ParquetReader {
 public:
  // `wanted`: the fields to read; the batches have its Arrow form.
  static Result<std::unique_ptr<ParquetReader>> Open(FileIo& files,
                                                     const std::string& location,
                                                     const Schema& wanted);
  ~ParquetReader();

  // The next rows, in the file's order; null at its end.
  Result<std::shared_ptr<arrow::RecordBatch>> Next();

 private:
  ParquetReader(std::string location, std::shared_ptr<arrow::Schema> wanted);

  const std::string location_;
  const std::shared_ptr<arrow::Schema> wanted_;
  std::vector<int> position_;  // of each wanted column among those read; -1: none
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> rows_;
};

}  // namespace leat::iceberg
