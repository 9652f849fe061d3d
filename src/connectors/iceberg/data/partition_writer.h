// PartitionWriter: writes a table's rows into data files, one open file a partition. Rows
// keep their order within a partition. A file that reached its size is closed and another
// begun; the partition longest unused is closed when too many are open.
//
// One owner, one thread; borrows files and table. Errors: those of FileIo.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/data/parquet_writer.h"
#include "connectors/iceberg/index/slot_table.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "connectors/iceberg/table.h"

namespace leat::iceberg {

using Partition = std::vector<std::optional<Binary>>;

struct PartitionWriterOptions {
  ParquetWriter::Options parquet;
  int64_t file_bytes = int64_t{256} << 20;
  size_t max_open = 64;
};

class PartitionWriter {
 public:
  // Told of each new file; answers the number that places name it by.
  using NewFile = std::function<Result<uint32_t>(const std::string& location, int spec_id,
                                                 const Partition& partition)>;

  // `new_file` may be null: nobody asks for places.
  PartitionWriter(FileIo& files, Table& table, const PartitionWriterOptions& options,
                  NewFile new_file);

  // Rows of the table's current schema. `places`, if not null: where each row went.
  Status Write(const std::shared_ptr<arrow::RecordBatch>& rows,
               std::vector<Place>* places);
  // Closes every file. Before the table's schema changes, too.
  Status CloseFiles();
  // Closes the file that holds the most memory; false: none holds any.
  Result<bool> CloseLargest();
  // What was written since the last TakeFiles or Abort, all closed.
  Result<std::vector<DataFile>> TakeFiles();
  // Removes what was written since the last TakeFiles.
  Status Abort();

  int64_t buffered_bytes() const;

 private:
  struct OpenFile {
    std::unique_ptr<ParquetWriter> writer;
    uint32_t number = 0;
    uint64_t last_used = 0;
  };
  using OpenFiles = std::map<Partition, OpenFile>;

  Result<OpenFile*> FileFor(const Partition& partition);
  Result<OpenFiles::iterator> Close(OpenFiles::iterator file);
  Status WritePart(const Partition& partition,
                   const std::shared_ptr<arrow::RecordBatch>& rows,
                   const std::vector<int64_t>* indices, std::vector<Place>* places);

  FileIo& files_;
  Table& table_;
  const PartitionWriterOptions options_;
  const NewFile new_file_;
  OpenFiles open_;
  std::vector<DataFile> closed_;
  uint64_t uses_ = 0;
};

// "created_at_day=2024-05-01/region=north", as Hive and Iceberg write it; "" when not
// partitioned. kConfig for a spec that does not fit the schema.
Result<std::string> PartitionPath(const PartitionSpec& spec, const Schema& schema,
                                  const Partition& partition);

}  // namespace leat::iceberg
