// What tests of the Iceberg sink share: a sink in a folder of its own that is driven as
// the runtime drives it, batches from readable rows, and a reader of whole tables that
// shares nothing with the sink but the Parquet and manifest readers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/iceberg/sink.h"
#include "connectors/iceberg/table_testing.h"

namespace leat::iceberg::testing {

// A row of the test table: id bigint (the key), name text, region text, day date.
struct Row {
  int64_t id = 0;
  std::optional<std::string> name;
  std::optional<std::string> region;
  std::optional<int32_t> day;

  auto operator<=>(const Row&) const = default;
};

struct Change {
  Op op = Op::kInsert;
  Row row;                     // of a delete: the row that was
  std::optional<int64_t> was;  // kUpdate: its key before; nothing: the same
};

SchemaRef RowSchema(const std::string& table = "t", bool with_key = true);
// One chunk of changes, seq from 0.
Batch MakeBatch(const SchemaRef& schema, const std::vector<Change>& changes);

class SinkDriver {
 public:
  explicit SinkDriver(const std::string& name, SinkOptions options = {});
  ~SinkDriver();

  // Ends the sink, as a killed process would from outside, and starts another.
  void Restart();
  void Open(const std::vector<SchemaRef>& tables);

  std::vector<DeadLetter> Write(const Batch& batch);
  // The epoch's checkpoint, as the runtime would save it.
  Checkpoint Prepare();
  void Commit(const Checkpoint& checkpoint);
  void CommitEpoch() { Commit(Prepare()); }
  void Abort();
  void Upkeep();
  // Another program, with an index of its own, folds the tables' small files.
  void FoldByAnother(const std::vector<SchemaRef>& tables);

  // Of shard s, which all batches are of.
  Tokens GetTokens(const std::vector<SinkTable>& tables);
  std::vector<Row> Read(const std::string& table = "db.t");
  std::unique_ptr<Table> Load(const std::string& table = "db.t");

  IcebergSink& sink() { return *sink_; }
  FileIo& files() { return *files_; }
  Catalog& catalog() { return *catalog_; }
  Clock& clock() { return Clock::System(); }
  const Context& context() const { return context_; }
  const std::string path() const { return folder_.path(); }

 private:
  TestFolder folder_;
  SinkOptions options_;
  Logger log_;
  CancelToken cancel_;
  ProjectSettings project_;
  Context context_;
  std::unique_ptr<FileIo> files_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<IcebergSink> sink_;
  Tokens tokens_;
  uint64_t epoch_ = 0;
};

// The live rows of a table: its data files without the rows its position deletes name.
std::vector<Row> ReadRows(FileIo& files, Table& table);

}  // namespace leat::iceberg::testing
