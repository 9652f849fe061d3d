#include "connectors/mysql/snapshot/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/queue.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/row_meta.h"
#include "connectors/mysql/snapshot/chunk_reader.h"
#include "connectors/mysql/snapshot/snapshot_filter.h"

namespace leat::mysql {
namespace {

constexpr int64_t kLeastChunkRows = 1000;
constexpr int kOrderTries = 5000;
constexpr auto kOrderPause = std::chrono::milliseconds(2);

}  // namespace

class Snapshot::Impl {
 public:
  Impl(const Url& url, const SnapshotOptions& options, std::vector<CatalogTable> tables,
       SnapshotProgress* progress, const Context& context)
      : url_(url),
        options_(options),
        tables_(std::move(tables)),
        progress_(progress),
        clock_(context.clock),
        filter_(url) {}

  ~Impl() {
    stop_.Cancel();
    {
      std::lock_guard lock(mutex_);
      for (auto& job : jobs_) job->pieces.Close();
      for (ChunkReader* reader : readers_) reader->Interrupt();
      changed_.notify_all();
    }
    for (std::thread& worker : workers_) worker.join();
  }

  Status Begin();
  bool done() const;
  Result<std::optional<LogMark>> NextMark(SteadyTime deadline);
  Result<std::optional<SnapshotBatch>> Take(SteadyTime deadline);
  Status Filter(Chunk* chunk) { return filter_.Apply(chunk, *progress_); }
  bool Pending(const TableId& id) const {
    return filter_.Follows(id) && !progress_->Of(id).done &&
           progress_->Of(id).last.empty();
  }
  int64_t rows_left() const;

 private:
  // A chunk between the worker that reads it and the owner who takes it.
  struct Job {
    explicit Job(int64_t buffer_bytes) : pieces(buffer_bytes) {}
    size_t table = 0;
    ChunkPlan plan;
    SchemaRef schema;
    LogMark mark;
    ByteQueue<ChunkPiece> pieces;  // closed behind the last
    Status status;                 // set before `pieces` is closed
    bool table_end = false;        // likewise
    KeyValues end;  // where the chunk ended, when its last rows were rejects
    std::optional<ChunkPiece> held;  // waits for the next (SnapshotOptions::meta)
    bool begins = false;             // the next piece has the table's first row
  };
  using JobRef = std::shared_ptr<Job>;

  // Where the next chunk begins. Under mutex_.
  struct Cursor {
    size_t table = 0;
    KeyValues lower;
    bool taken = false;  // a worker is finding out where the chunk ends
  };

  void Work();
  Status WorkUntilDone(std::unique_ptr<ChunkReader>* reader);
  Result<bool> TakeCursor(ChunkPlan* plan, size_t* table);
  Result<ChunkReader::Opened> OpenInOrder(ChunkReader* reader, ChunkPlan* plan);
  Result<JobRef> BeginChunk(ChunkReader* reader, size_t table, ChunkPlan plan);
  Status ReadChunk(ChunkReader* reader, Job* job, bool* stopped);
  void EndChunk(const JobRef& job, const Status& status);
  int64_t ChunkRows(const CatalogTable& table) const;
  void Advance(size_t table, const std::optional<KeyValues>& upper);
  Status Adopt(ChunkReader* reader);
  // The next piece of a job; nothing before the deadline, or behind the last (`drained`).
  std::optional<ChunkPiece> NextPiece(Job* job, SteadyTime deadline, bool* drained);
  Result<SnapshotBatch> MakeBatch(Job* job, ChunkPiece piece);
  Result<std::optional<SnapshotBatch>> EndOfFront(const Job& job);

  const Url url_;
  const SnapshotOptions options_;
  std::vector<CatalogTable> tables_;  // shapes as last seen; under mutex_
  std::vector<KeyValues> begins_;     // where each table goes on; under mutex_
  SnapshotProgress* const progress_;  // the owner's thread only
  Clock& clock_;
  SnapshotFilter filter_;  // the owner's thread only
  std::atomic<int64_t> rows_taken_{0};
  CancelToken stop_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<JobRef> jobs_;  // in the order to be taken
  Cursor cursor_;
  LogMark least_;  // no mark may be before it
  Status failed_;
  std::vector<ChunkReader*> readers_;
  std::vector<std::thread> workers_;
};

Status Snapshot::Impl::Begin() {
  std::erase_if(tables_, [&](const CatalogTable& table) {
    return progress_->Of(table.def.id).done;
  });
  for (const CatalogTable& table : tables_) {
    ChunkKey key(table);
    const KeyValues& last = progress_->Of(table.def.id).last;
    if (!last.empty()) {
      Status fits = key.Check(last);
      if (!fits.ok()) return fits.Within("table " + table.def.id.ToString());
    }
    filter_.Follow(table.def.id, std::move(key));
    begins_.push_back(last);
  }
  if (!tables_.empty()) cursor_.lower = begins_[0];
  int workers = std::max(options_.workers, 1);
  for (int i = 0; i < workers && !tables_.empty(); i++) {
    workers_.emplace_back([this] { Work(); });
  }
  return Status::Ok();
}

bool Snapshot::Impl::done() const {
  std::lock_guard lock(mutex_);
  return jobs_.empty() && cursor_.table >= tables_.size() && failed_.ok();
}

int64_t Snapshot::Impl::rows_left() const {
  std::lock_guard lock(mutex_);
  if (cursor_.table >= tables_.size() && jobs_.empty()) return 0;
  int64_t rows = 0;
  for (const CatalogTable& table : tables_) rows += table.rows;
  return std::max<int64_t>(rows - rows_taken_, 0);
}

int64_t Snapshot::Impl::ChunkRows(const CatalogTable& table) const {
  if (table.order.empty()) return 0;
  int64_t fit = options_.buffer_bytes / std::max<int64_t>(table.row_bytes, 1);
  return std::clamp(fit, std::min(kLeastChunkRows, options_.chunk_rows),
                    options_.chunk_rows);
}

// Workers.

void Snapshot::Impl::Work() {
  std::unique_ptr<ChunkReader> reader;
  Status status = WorkUntilDone(&reader);
  std::lock_guard lock(mutex_);
  std::erase(readers_, reader.get());
  if (!status.ok() && !stop_.cancelled() && failed_.ok()) failed_ = status;
  changed_.notify_all();
}

Status Snapshot::Impl::WorkUntilDone(std::unique_ptr<ChunkReader>* reader) {
  for (;;) {
    ChunkPlan plan;
    size_t table = 0;
    ASSIGN_OR_RETURN(bool more, TakeCursor(&plan, &table));
    if (!more) return Status::Ok();
    if (!*reader) {
      ASSIGN_OR_RETURN(auto view, SnapshotView::Connect(url_));
      *reader = std::make_unique<ChunkReader>(std::move(view), options_.values,
                                              options_.batch_bytes);
      RETURN_IF_ERROR(Adopt(reader->get()));
    }
    ASSIGN_OR_RETURN(JobRef job, BeginChunk(reader->get(), table, std::move(plan)));
    if (!job) continue;
    bool stopped = false;
    Status status = ReadChunk(reader->get(), job.get(), &stopped);
    EndChunk(job, status);
    RETURN_IF_ERROR(status);
    if (stopped) return Status::Ok();
  }
}

Status Snapshot::Impl::Adopt(ChunkReader* reader) {
  std::lock_guard lock(mutex_);
  if (stop_.cancelled()) return Status::Cancelled("asked to stop");
  readers_.push_back(reader);
  return Status::Ok();
}

// Waits until a chunk may be begun; false: there is none any more.
Result<bool> Snapshot::Impl::TakeCursor(ChunkPlan* plan, size_t* table) {
  std::unique_lock lock(mutex_);
  const size_t most = static_cast<size_t>(std::max(options_.workers, 1)) + 1;
  changed_.wait(lock, [&] {
    return stop_.cancelled() || !failed_.ok() ||
           (!cursor_.taken && jobs_.size() < most && cursor_.table < tables_.size());
  });
  if (stop_.cancelled() || !failed_.ok()) return false;
  cursor_.taken = true;
  *table = cursor_.table;
  plan->table = tables_[cursor_.table];
  plan->lower = cursor_.lower;
  auto where = options_.where.find(plan->table.def.id.ToString());
  if (where != options_.where.end()) plan->where = where->second;
  return true;
}

// A view at or behind every earlier mark, and behind where the owner's log stood when the
// snapshot was started. MariaDB's views can be a little older than the end of its log:
// what was written to that but is not visible yet is not in them.
Result<ChunkReader::Opened> Snapshot::Impl::OpenInOrder(ChunkReader* reader,
                                                        ChunkPlan* plan) {
  LogMark least;
  {
    std::lock_guard lock(mutex_);
    least = least_;
  }
  if (least.file.empty()) {
    ASSIGN_OR_RETURN(least, reader->LogEnd());
  }
  for (int i = 0; i < kOrderTries; i++) {
    ASSIGN_OR_RETURN(ChunkReader::Opened opened, reader->Open(plan, stop_));
    int order = CompareLogFiles(opened.mark.file, least.file);
    if (order > 0 || (order == 0 && opened.mark.offset >= least.offset)) {
      std::lock_guard lock(mutex_);
      least_ = opened.mark;
      return opened;
    }
    RETURN_IF_ERROR(reader->Close());
    if (stop_.WaitFor(kOrderPause)) return Status::Cancelled("asked to stop");
  }
  return Status::Transient(
      fmt::format("{} shows no transaction after {}:{} though its "
                  "log has them",
                  url_.Where(), least.file, least.offset));
}

// Views are opened one after the other, in the order of the chunks: so marks never fall.
Result<Snapshot::Impl::JobRef> Snapshot::Impl::BeginChunk(ChunkReader* reader,
                                                          size_t table, ChunkPlan plan) {
  const std::vector<std::string> key_before = ChunkKey(plan.table).names();
  ASSIGN_OR_RETURN(ChunkReader::Opened opened, OpenInOrder(reader, &plan));
  if (!opened.gone && !plan.lower.empty() && plan.key.names() != key_before) {
    return Status::Config(fmt::format(
        "the key of {} was changed while its snapshot was under way: remove the table "
        "from the target and start it anew",
        plan.table.def.id.ToString()));
  }
  plan.limit = ChunkRows(plan.table);
  if (options_.workers > 1 && plan.limit > 0 && !opened.gone) {
    ASSIGN_OR_RETURN(plan.upper, reader->Boundary(plan, plan.limit));
    plan.limit = 0;
  }
  auto job = std::make_shared<Job>(options_.buffer_bytes);
  job->table = table;
  ASSIGN_OR_RETURN(job->schema, MakeSchema(plan.table.def));
  job->mark = opened.mark;
  job->begins = plan.lower.empty();
  job->plan = std::move(plan);
  std::lock_guard lock(mutex_);
  tables_[table] = job->plan.table;
  jobs_.push_back(job);
  if (opened.gone) {
    job->table_end = true;
    job->pieces.Close();
  }
  // Without an upper end the next chunk's beginning is known when this one is read.
  if (opened.gone || job->plan.limit == 0) Advance(table, job->plan.upper);
  changed_.notify_all();
  return opened.gone ? JobRef() : job;
}

// Under mutex_.
void Snapshot::Impl::Advance(size_t table, const std::optional<KeyValues>& upper) {
  cursor_.taken = false;
  if (upper) {
    cursor_.lower = *upper;
    return;
  }
  cursor_.table = table + 1;
  cursor_.lower = cursor_.table < tables_.size() ? begins_[cursor_.table] : KeyValues();
}

Status Snapshot::Impl::ReadChunk(ChunkReader* reader, Job* job, bool* stopped) {
  auto take = [&](ChunkPiece piece) {
    int64_t bytes = piece.bytes;
    return job->pieces.Push(std::move(piece), bytes);
  };
  ASSIGN_OR_RETURN(ChunkReader::Outcome outcome, reader->Read(job->plan, take));
  *stopped = outcome.stopped;
  if (outcome.stopped) return Status::Ok();
  const ChunkPlan& plan = job->plan;
  bool all = plan.limit == 0 || outcome.rows < plan.limit;
  job->table_end = all && !plan.upper;
  if (plan.upper) {
    job->end = *plan.upper;
  } else if (!all) {
    job->end = outcome.last;
    if (outcome.last_rejected) {
      // Rows at fault have no decoded key: the server says where the chunk ended.
      ASSIGN_OR_RETURN(std::optional<KeyValues> end, reader->Boundary(plan, plan.limit));
      if (!end) return Status::Bug("a chunk has fewer rows when counted again");
      job->end = *std::move(end);
    }
  }
  return reader->Close();
}

void Snapshot::Impl::EndChunk(const JobRef& job, const Status& status) {
  std::lock_guard lock(mutex_);
  job->status = status;
  job->pieces.Close();
  if (status.ok() && job->plan.limit > 0) {
    Advance(job->table,
            job->table_end ? std::nullopt : std::optional<KeyValues>(job->end));
  }
  changed_.notify_all();
}

// The owner.

Result<std::optional<LogMark>> Snapshot::Impl::NextMark(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] {
    return !failed_.ok() || !jobs_.empty() || cursor_.table >= tables_.size();
  });
  if (!failed_.ok()) return failed_;
  if (jobs_.empty()) return std::optional<LogMark>();
  return std::optional<LogMark>(jobs_.front()->mark);
}

Result<SnapshotBatch> Snapshot::Impl::MakeBatch(Job* job, ChunkPiece piece) {
  SnapshotBatch batch;
  const TableId& id = job->plan.table.def.id;
  batch.table = job->plan.table.def;
  batch.mark = job->mark;
  batch.table_begins = job->begins;
  batch.rejects = std::move(piece.rejects);
  batch.bytes = piece.bytes;
  batch.chunk.schema = job->schema;
  auto rows = static_cast<size_t>(piece.rows->num_rows());
  batch.chunk.rows = std::move(piece.rows);
  batch.chunk.ops.assign(rows, Op::kRead);
  batch.chunk.seq.resize(rows);
  for (size_t i = 0; i < rows; i++) batch.chunk.seq[i] = static_cast<uint32_t>(i);
  batch.chunk.time.assign(rows, clock_.WallMicros());
  if (options_.meta) {
    SnapshotPlace place;
    place.first_table = job->table == 0;
    place.last_table = job->table + 1 == begins_.size();
    place.begins = job->begins;
    place.ends = !job->held && job->pieces.closed() && job->table_end;
    ASSIGN_OR_RETURN(batch.chunk.meta,
                     SnapshotMeta(batch.table, options_.flavor, job->mark.file,
                                  job->mark.offset, place, static_cast<int64_t>(rows)));
  }
  job->begins = job->begins && rows == 0;
  if (!piece.last.empty()) {
    progress_->Set(id, {false, std::move(piece.last)});
    batch.boundary = true;
  }
  rows_taken_ += static_cast<int64_t>(rows);
  return batch;
}

std::optional<ChunkPiece> Snapshot::Impl::NextPiece(Job* job, SteadyTime deadline,
                                                    bool* drained) {
  std::optional<ChunkPiece> piece = job->pieces.Pop(deadline);
  if (!piece) {
    if (!job->pieces.closed()) return std::nullopt;
    // Closed since: nothing more is pushed, but something may have been.
    piece = job->pieces.Pop(deadline);
  }
  if (options_.meta) {
    std::swap(piece, job->held);
    if (!piece && job->held) return NextPiece(job, deadline, drained);
  }
  *drained = !piece;
  return piece;
}

Result<std::optional<SnapshotBatch>> Snapshot::Impl::EndOfFront(const Job& job) {
  RETURN_IF_ERROR(job.status);
  const TableId& id = job.plan.table.def.id;
  std::optional<SnapshotBatch> batch;
  if (job.table_end) {
    progress_->Set(id, {true, {}});
    batch.emplace();
    batch->chunk.schema = job.schema;
    batch->table = job.plan.table.def;
    batch->mark = job.mark;
    batch->table_begins = job.begins;
    batch->boundary = true;
    batch->table_done = true;
  } else if (!job.end.empty()) {
    progress_->Set(id, {false, job.end});
  }
  std::lock_guard lock(mutex_);
  jobs_.pop_front();
  changed_.notify_all();
  return batch;
}

Result<std::optional<SnapshotBatch>> Snapshot::Impl::Take(SteadyTime deadline) {
  JobRef job;
  {
    std::lock_guard lock(mutex_);
    if (!failed_.ok()) return failed_;
    if (jobs_.empty()) return std::optional<SnapshotBatch>();
    job = jobs_.front();
  }
  filter_.Follow(job->plan.table.def.id, job->plan.key);
  bool drained = false;
  std::optional<ChunkPiece> piece = NextPiece(job.get(), deadline, &drained);
  if (drained) return EndOfFront(*job);
  if (!piece) return std::optional<SnapshotBatch>();
  ASSIGN_OR_RETURN(SnapshotBatch batch, MakeBatch(job.get(), *std::move(piece)));
  return std::optional<SnapshotBatch>(std::move(batch));
}

Snapshot::Snapshot(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Snapshot::~Snapshot() = default;

Result<std::unique_ptr<Snapshot>> Snapshot::Start(const Url& url,
                                                  const SnapshotOptions& options,
                                                  std::vector<CatalogTable> tables,
                                                  SnapshotProgress* progress,
                                                  const Context& context) {
  auto impl = std::make_unique<Impl>(url, options, std::move(tables), progress, context);
  RETURN_IF_ERROR(impl->Begin());
  return std::unique_ptr<Snapshot>(new Snapshot(std::move(impl)));
}

bool Snapshot::done() const { return impl_->done(); }
Result<std::optional<LogMark>> Snapshot::NextMark(SteadyTime deadline) {
  return impl_->NextMark(deadline);
}
Result<std::optional<SnapshotBatch>> Snapshot::Take(SteadyTime deadline) {
  return impl_->Take(deadline);
}
Status Snapshot::Filter(Chunk* chunk) { return impl_->Filter(chunk); }
bool Snapshot::Pending(const TableId& table) const { return impl_->Pending(table); }
int64_t Snapshot::rows_left() const { return impl_->rows_left(); }

}  // namespace leat::mysql
