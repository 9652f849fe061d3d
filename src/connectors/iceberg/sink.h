// IcebergSink: changes of many source tables into Iceberg tables, one for each.
//
// Stages rows in Parquet files of the warehouse (Write), makes them durable (Prepare) and
// commits them table by table through the catalog by compare-and-set on the shards'
// tokens (Commit), so a saved epoch can be committed by any later process. Errors and
// threads: core/sink.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/iceberg/catalog/catalog.h"
#include "connectors/iceberg/staged_table.h"
#include "connectors/iceberg/table_writer.h"
#include "connectors/iceberg/upkeep/upkeep.h"
#include "core/sink.h"
#include "wire/file_io.h"

namespace leat::iceberg {

struct SinkOptions {
  std::string warehouse;
  S3Options s3;
  CatalogOptions catalog;
  std::string table = "{database}.{table}";
  std::string location;  // empty: the catalog's choice
  Mode mode = Mode::kUpsert;
  std::vector<std::string> key;
  std::vector<std::string> partition;
  int64_t file_bytes = int64_t{256} << 20;
  int64_t buffer_bytes = int64_t{128} << 20;  // of rows in memory, over all tables
  UpkeepOptions upkeep;
};

class IcebergSink final : public Sink {
 public:
  static Result<std::unique_ptr<IcebergSink>> Make(SinkOptions options,
                                                   const Context& context);

  bool staged() const override { return true; }
  Needs needs() const override;
  SinkTable TableFor(const TableId& source) const override;
  Status Open(std::span<const SchemaRef> tables) override;
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return staged_bytes_; }
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;
  Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) override;

 private:
  IcebergSink(SinkOptions options, const Context& context);

  // The writer of a table; null where the catalog has no such table.
  Result<TableWriter*> Find(const SinkTable& name);
  Result<TableWriter*> Create(const SinkTable& name, const SchemaRef& source);
  Status Meet(const SchemaRef& source);
  Status CheckKey(const SchemaRef& source) const;
  // The table exists and has the source's shape from here on.
  Status Follow(const SchemaRef& source, const Event* change);
  Status Apply(const Event& event, const Batch& batch);
  Status WriteRange(const ChunkRange& rows, std::vector<DeadLetter>* rejects);
  Status BoundMemory();
  Result<bool> CommitTable(const Checkpoint& checkpoint, const SinkTable& name,
                           Manifest* manifest);
  SchemaRef ShapeOf(const SchemaRef& source) const;

  const SinkOptions options_;
  const Context context_;
  std::unique_ptr<FileIo> files_;
  std::unique_ptr<Catalog> catalog_;
  std::map<SinkTable, std::unique_ptr<TableWriter>> writers_;
  std::map<SinkTable, SchemaRef> met_;  // what Open was told of tables that were there
  std::optional<std::pair<std::string, Manifest>> prepared_;  // its text and itself
  int64_t staged_bytes_ = 0;
  std::map<SinkTable, std::unique_ptr<iceberg::Upkeep>> upkeeps_;
  SinkTable upkeep_next_;  // where the next Upkeep begins: each table has its turn
};

}  // namespace leat::iceberg
