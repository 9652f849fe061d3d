// The source `mysql` with `read: cdc`: one shard, the server's log, into which
// the rows of the snapshot are woven (see snapshot.h). Life, threads and errors as Source
// says. A connection that is lost is made anew once, from the last transaction handed on;
// if that fails the error is the runtime's to retry.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/waker.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/client/dump.h"
#include "connectors/mysql/log/stream.h"
#include "connectors/mysql/options.h"
#include "connectors/mysql/snapshot/snapshot.h"
#include "core/source.h"

namespace leat::mysql {

class LogSource final : public Source {
 public:
  LogSource(SourceOptions options, const Context& context);
  ~LogSource() override;

  Status Open(const Needs& needs) override;
  Result<std::vector<SchemaRef>> Tables() override;
  Result<Position> Start(const ShardId& shard, const Resume& resume) override;
  Result<ReadResult> Read(SteadyTime deadline) override;
  Result<Position> End(const ShardId& shard) override;
  bool Reached(const Position& at, const Position& target) const override;
  Lag GetLag() const override;
  void Ack(const ShardId& shard, const Position& committed) override {}
  void Wake() override { waker_.Wake(); }

 private:
  Status OpenFeed();
  Result<std::unique_ptr<LogDump>> StartDump(const LogPosition& from);
  Status Connect();
  Status CheckPlace(const LogPosition& from);
  Status Describe(Status error, const LogPosition& from);
  Result<LogPosition> StartPosition(const Resume& resume);
  Status StartSnapshot();
  Status Resnapshot(const std::vector<SnapshotRequest>& requests);
  Status ReadAgain(const SnapshotRequest& request);
  static Status NeedsSnapshot(const SnapshotRequest& request);
  Result<std::optional<TableDef>> DescribeTableNow(const TableId& id);

  Result<std::optional<Batch>> ReadLog(SteadyTime deadline);
  Result<std::optional<Batch>> ReadSnapshot(SteadyTime deadline);
  Status FinishLogBatch(Batch* batch);
  Result<std::optional<Batch>> FinishSnapshotBatch(SnapshotBatch taken);
  void Announce(Batch* batch);
  Status TellShape(const SnapshotBatch& taken, Event* event);
  void TakeNewTables(const Batch& batch);
  Position PositionNow() const;
  void MeasureLag();

  const SourceOptions options_;
  const Context context_;
  Waker waker_;
  Needs needs_;
  std::unique_ptr<Client> client_;
  std::vector<CatalogTable> catalog_;
  bool assigned_ = false;

  std::unique_ptr<LogStream> stream_;
  std::unique_ptr<LogDump> feed_;  // null: to be connected
  SnapshotProgress progress_;      // moved on by snapshot_
  std::unique_ptr<Snapshot> snapshot_;
  std::set<TableId> refresh_;  // read again over the rows that are there
  std::map<TableId, SchemaRef> announced_;
  std::map<TableId, SchemaRef> sink_knows_;  // from Tables() or an event

  std::atomic<int64_t> newest_time_{0};
  std::atomic<bool> caught_up_{false};
  std::atomic<int64_t> rows_left_{-1};
  std::atomic<int64_t> bytes_left_{-1};
  SteadyTime measured_{};
};

}  // namespace leat::mysql
