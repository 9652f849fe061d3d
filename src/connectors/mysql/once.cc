#include "connectors/mysql/once.h"

#include <atomic>
#include <set>
#include <thread>

#include "base/queue.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/snapshot/chunk_reader.h"
#include "connectors/mysql/snapshot/snapshot_progress.h"

namespace leat::mysql {
namespace {

constexpr int64_t kAheadBytes = 16 << 20;
constexpr int64_t kPieceBytes = 2 << 20;

Position PositionOf(const SnapshotProgress& progress) {
  LogPosition position;
  position.snapshot = progress.ToJson();
  return position.ToPosition();
}

// Reads the tables one after the other in one view, on a thread of its own.
class OnceReader {
 public:
  struct Piece {
    SchemaRef schema;
    ChunkPiece rows;  // rows.rows is null behind the table's last
  };

  OnceReader(const SourceOptions& options, std::vector<CatalogTable> tables,
             std::unique_ptr<SnapshotView> view)
      : options_(options),
        tables_(std::move(tables)),
        reader_(std::move(view), options.values, kPieceBytes),
        thread_([this] {
          status_ = Run();
          pieces_.Close();
        }) {}
  ~OnceReader() {
    pieces_.Close();
    reader_.Interrupt();
    thread_.join();
  }

  // Nothing when none came before the deadline, or when all were taken: see done().
  Result<std::optional<Piece>> Next(SteadyTime deadline) {
    bool closed = pieces_.closed();
    std::optional<Piece> piece = pieces_.Pop(deadline);
    if (piece) return piece;
    if (closed && !status_.ok()) return status_;
    done_ = closed;
    return std::optional<Piece>();
  }
  bool done() const { return done_; }

 private:
  Status Run() {
    RETURN_IF_ERROR(reader_.OpenForAll());
    for (const CatalogTable& table : tables_) {
      ChunkPlan plan;
      plan.table = table;
      const std::string name = table.def.id.ToString();
      if (auto where = options_.where.find(name); where != options_.where.end()) {
        plan.where = where->second;
      }
      ASSIGN_OR_RETURN(bool there, reader_.Pin(&plan));
      ASSIGN_OR_RETURN(SchemaRef schema, MakeSchema(plan.table.def));
      if (there) {
        auto take = [&](ChunkPiece rows) {
          const int64_t bytes = rows.bytes;
          return pieces_.Push({schema, std::move(rows)}, bytes);
        };
        ASSIGN_OR_RETURN(ChunkReader::Outcome outcome, reader_.Read(plan, take));
        if (outcome.stopped) return Status::Cancelled("asked to stop");
      }
      if (!pieces_.Push({schema, {}}, 0)) return Status::Cancelled("asked to stop");
    }
    return reader_.Close();
  }

  const SourceOptions& options_;
  const std::vector<CatalogTable> tables_;
  ChunkReader reader_;
  ByteQueue<Piece> pieces_{kAheadBytes};
  Status status_;  // written before pieces_ is closed, read after
  bool done_ = false;
  std::thread thread_;  // the last: it uses the others
};

class OnceSource final : public Source {
 public:
  OnceSource(const SourceOptions& options, const Context& context)
      : options_(options), context_(context) {}

  Status Open(const Needs& needs) override;
  Result<std::vector<SchemaRef>> Tables() override;
  Result<Position> Start(const ShardId& shard, const Resume& resume) override;
  Result<ReadResult> Read(SteadyTime deadline) override;
  Result<Position> End(const ShardId& shard) override;
  bool Reached(const Position& at, const Position& target) const override {
    return ProgressOf(at).Covers(ProgressOf(target));
  }
  Lag GetLag() const override {
    Lag lag;
    lag.rows = std::max<int64_t>(rows_left_, 0);
    return lag;
  }
  void Ack(const ShardId& shard, const Position& committed) override {}

 private:
  Batch MakeBatch(OnceReader::Piece piece);

  const SourceOptions options_;
  const Context context_;
  std::vector<CatalogTable> catalog_;
  SnapshotProgress progress_;  // committed, or to be with the last batch
  Position start_;
  size_t tables_left_ = 0;
  std::set<TableId> announced_;
  std::unique_ptr<OnceReader> reader_;
  bool assigned_ = false;
  std::atomic<int64_t> rows_left_{0};
};

Status OnceSource::Open(const Needs& needs) {
  ASSIGN_OR_RETURN(auto client, Client::Connect(options_.url));
  ASSIGN_OR_RETURN(auto checks,
                   CheckServer(client.get(), options_.server_needs(), options_.tables));
  RETURN_IF_ERROR(RequireAll(checks, options_.url.Where()));
  ASSIGN_OR_RETURN(catalog_, FindTables(client.get(), options_.tables));
  return Status::Ok();
}

Result<std::vector<SchemaRef>> OnceSource::Tables() {
  std::vector<SchemaRef> schemas;
  for (const CatalogTable& table : catalog_) {
    ASSIGN_OR_RETURN(SchemaRef schema, MakeSchema(table.def));
    schemas.push_back(std::move(schema));
  }
  return schemas;
}

Result<Position> OnceSource::Start(const ShardId& shard, const Resume& resume) {
  if (!resume.resume.empty()) {
    ASSIGN_OR_RETURN(LogPosition from, LogPosition::Parse(resume.resume));
    ASSIGN_OR_RETURN(progress_, SnapshotProgress::Parse(from.snapshot));
  }
  for (const auto& [id, floor] : resume.floors) progress_.Adopt(id, ProgressOf(floor));
  start_ = PositionOf(progress_);
  std::vector<CatalogTable> tables;
  for (const CatalogTable& table : catalog_) {
    if (progress_.Of(table.def.id).done) continue;
    rows_left_ += table.rows;
    tables.push_back(table);
  }
  tables_left_ = tables.size();
  if (tables.empty()) return start_;
  ASSIGN_OR_RETURN(auto view, SnapshotView::Connect(options_.url));
  reader_ = std::make_unique<OnceReader>(options_, std::move(tables), std::move(view));
  return start_;
}

Result<ReadResult> OnceSource::Read(SteadyTime deadline) {
  ReadResult result;
  if (!assigned_) {
    assigned_ = true;
    result.kind = ReadResult::Kind::kAssigned;
    result.shards.emplace_back(kShard);
    return result;
  }
  if (tables_left_ == 0) {
    result.kind = ReadResult::Kind::kEnd;
    return result;
  }
  ASSIGN_OR_RETURN(auto piece, reader_->Next(deadline));
  if (!piece) {
    if (reader_->done()) return Status::Bug("a read of all tables ended before the last");
    return result;
  }
  result.kind = ReadResult::Kind::kBatch;
  result.batch = MakeBatch(*std::move(piece));
  return result;
}

Batch OnceSource::MakeBatch(OnceReader::Piece piece) {
  Batch batch;
  batch.shard = kShard;
  batch.bytes = piece.rows.bytes;
  const TableId& id = piece.schema->id;
  auto add = [&](Event::Kind kind) {
    Event event;
    event.kind = kind;
    event.table = id;
    event.schema = piece.schema;
    event.seq = static_cast<uint32_t>(batch.events.size());
    batch.events.push_back(std::move(event));
  };
  if (announced_.insert(id).second) add(Event::Kind::kSchema);
  if (!piece.rows.rows) {
    add(Event::Kind::kSnapshotDone);
    progress_.Set(id, {true, {}});
    tables_left_--;
  } else if (piece.rows.rows->num_rows() > 0) {
    const auto rows = static_cast<size_t>(piece.rows.rows->num_rows());
    Chunk chunk;
    chunk.schema = piece.schema;
    chunk.rows = std::move(piece.rows.rows);
    chunk.ops.assign(rows, Op::kRead);
    chunk.time.assign(rows, context_.clock.WallMicros());
    for (size_t i = 0; i < rows; i++) {
      chunk.seq.push_back(static_cast<uint32_t>(batch.events.size() + i));
    }
    batch.chunks.push_back(std::move(chunk));
    rows_left_ -= static_cast<int64_t>(rows);
  }
  batch.boundary = tables_left_ == 0;
  batch.end = batch.boundary ? PositionOf(progress_) : start_;
  batch.rejects = std::move(piece.rows.rejects);
  for (DeadLetter& reject : batch.rejects) reject.position = batch.end;
  return batch;
}

Result<Position> OnceSource::End(const ShardId& shard) {
  std::vector<TableId> ids;
  for (const CatalogTable& table : catalog_) ids.push_back(table.def.id);
  return PositionOf(SnapshotProgress::AllDone(ids));
}

}  // namespace

std::unique_ptr<Source> MakeOnceSource(const SourceOptions& options,
                                       const Context& context) {
  return std::make_unique<OnceSource>(options, context);
}

}  // namespace leat::mysql
