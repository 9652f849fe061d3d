#include "connectors/mysql/log/stream.h"

#include <fmt/format.h>

#include <algorithm>

namespace leat::mysql {
namespace {

constexpr SteadyTime kAlreadyHere{};  // a deadline in the past
constexpr int kEventsBetweenClocks = 256;

}  // namespace

void NumberEvents(Batch* batch) {
  auto events = static_cast<uint32_t>(batch->events.size());
  for (uint32_t i = 0; i < events; i++) batch->events[i].seq = i;
  uint32_t first = UINT32_MAX;
  for (const Chunk& chunk : batch->chunks) {
    if (!chunk.seq.empty()) first = std::min(first, chunk.seq.front());
  }
  if (first == events) return;
  for (Chunk& chunk : batch->chunks) {
    for (uint32_t& seq : chunk.seq) seq += events - first;
  }
}

LogStream::LogStream(StreamOptions options, LogPosition from, Logger* log)
    : options_(std::move(options)),
      log_(log),
      tables_(
          options_.follow, options_.floors,
          FollowedTables::Pending{from.renames, from.dropped, from.shapes, from.reshaped},
          log),
      at_(std::move(from)),
      delivered_(at_),
      file_(at_.file),
      offset_(at_.offset) {}

LogStream::~LogStream() = default;

Result<std::optional<Batch>> LogStream::Read(EventFeed* feed, SteadyTime deadline) {
  for (int count = 1;; count++) {
    if (!transaction_.open && !held_ && AtLimit()) return TakeBatch();
    LogEvent event;
    bool have = held_.has_value();
    if (have) {
      event = *held_;
      held_.reset();
    } else {
      // What is here already is taken without looking at the clock.
      ASSIGN_OR_RETURN(have, NextEvent(feed, kAlreadyHere, &event));
    }
    if (!have) {
      ASSIGN_OR_RETURN(have, WaitForEvent(feed, deadline, &event));
      if (!have && !transaction_.open) return TakeBatch();
      if (!have) return std::optional<Batch>();
    }
    auto step = Handle(event);
    if (!step.ok()) return AtPlace(step.status());
    if (*step == Step::kFlush) {
      held_ = event;
      return TakeBatch();
    }
    bool tail = delivered_rows_ > 0 && rows_after_ >= delivered_rows_;
    if (!transaction_.open && (end_batch_ || tail)) return TakeBatch();
    // A transaction that fits is not cut; a large one is, at twice the size.
    int64_t limit = transaction_.open ? 2 * options_.batch_bytes : options_.batch_bytes;
    if (bytes_in_batch_ >= limit) return TakeBatch();
    if (count % kEventsBetweenClocks == 0 &&
        std::chrono::steady_clock::now() >= LingerUntil(deadline)) {
      if (!transaction_.open) return TakeBatch();
      return std::optional<Batch>();
    }
  }
}

// False: it is time to hand on what there is. What goes on is worth waking up for only in
// bulk.
Result<bool> LogStream::WaitForEvent(EventFeed* feed, SteadyTime deadline,
                                     LogEvent* event) {
  if (!Empty() || transaction_.open) {
    feed->WaitForMany(true);
    const SteadyTime gap = std::chrono::steady_clock::now() + options_.gap;
    auto have = NextEvent(feed, std::min(LingerUntil(deadline), gap), event);
    feed->WaitForMany(false);
    if (!have.ok() || *have || !transaction_.open) return have;
  }
  return NextEvent(feed, deadline, event);
}

// A batch with something in it waits a moment for more; an empty one until the deadline.
SteadyTime LogStream::LingerUntil(SteadyTime deadline) const {
  if (Empty() || transaction_.open) return deadline;
  return std::min(deadline, batch_started_ + options_.linger);
}

Result<bool> LogStream::NextEvent(EventFeed* feed, SteadyTime deadline, LogEvent* event) {
  std::string_view bytes;
  ASSIGN_OR_RETURN(bool have, NextBytes(feed, deadline, &bytes));
  if (!have) return false;
  bool checksum = format_known_ ? format_.checksum : feed->checksum();
  if (replay_) {
    checksum =
        replay_->format_known ? replay_->format.checksum : replay_->feed->checksum();
  }
  if (payload_) checksum = false;  // the payload event itself had one
  auto parsed = ParseEvent(bytes, checksum);
  if (!parsed.ok()) return AtPlace(parsed.status());
  *event = *parsed;
  return true;
}

Result<bool> LogStream::NextBytes(EventFeed* feed, SteadyTime deadline,
                                  std::string_view* bytes) {
  if (payload_) {
    auto inner = payload_->Next();
    if (!inner.ok()) return AtPlace(inner.status());
    if (*inner) {
      *bytes = **inner;
      return true;
    }
    payload_.reset();
  }
  if (!replay_) return feed->Next(deadline, bytes);
  auto have = replay_->feed->Next(deadline, bytes);
  if (!have.ok()) return have.status().Within("reading a prepared transaction again");
  return have;
}

Status LogStream::AtPlace(Status status) const {
  if (status.ok() || status.kind() == ErrorKind::kTransient) return status;
  std::string place = fmt::format("log {}:{}", file_, offset_);
  if (status.kind() == ErrorKind::kData) {
    // Nothing behind a broken event can be trusted: this is no row's fault.
    return Status::Config(fmt::format(
        "{}: {}; check the server's disk and memory, and take a new snapshot if the log "
        "cannot be restored",
        place, status.message()));
  }
  return status.Within(place);
}

void LogStream::MovePosition(const EventHeader& header) {
  if (replay_ || payload_ || header.next_pos == 0) return;
  if ((header.flags & kFlagArtificial) != 0) return;
  // The header has 32 bits; a transaction may reach beyond 4 GiB.
  constexpr uint64_t kWrap = uint64_t{1} << 32;
  uint64_t next = (offset_ & ~(kWrap - 1)) | header.next_pos;
  if (next < offset_ && offset_ - next > kWrap / 2) next += kWrap;
  offset_ = next;
}

void LogStream::EndTransaction() {
  if (transaction_.has_gtid) at_.gtids.Add(transaction_.gtid);
  at_.file = file_;
  at_.offset = offset_;
  transaction_.Clear();
}

Result<std::optional<Batch>> LogStream::TakeBatch() {
  // A boundary among rows that were handed on already would put those behind it into an
  // epoch that does not count them.
  if (skip_rows_ > 0) return std::optional<Batch>();
  at_.renames = tables_.pending().renames;
  at_.dropped = tables_.pending().dropped;
  at_.shapes = tables_.pending().shapes;
  at_.reshaped = tables_.pending().reshaped;
  bool moved = !(at_.file == delivered_.file && at_.offset == delivered_.offset &&
                 at_.gtids == delivered_.gtids);
  if (Empty() && !moved) return std::optional<Batch>();
  Batch batch;
  batch.shard = options_.shard;
  RETURN_IF_ERROR(tables_.Finish(&batch.chunks));
  batch.events = std::exchange(events_, {});
  batch.rejects = std::exchange(rejects_, {});
  NumberEvents(&batch);
  batch.boundary = transaction_.rows == 0;
  batch.source_time = batch_time_;
  batch.bytes = bytes_in_batch_;
  if (batch.boundary) {
    delivered_ = at_;
    rows_after_ = delivered_rows_ = 0;
  } else {
    delivered_rows_ = rows_after_;
    delivered_gtid_ = transaction_.gtid;
    delivered_pending_ = tables_.pending();
  }
  end_batch_ = false;
  seq_ = 0;
  rows_in_batch_ = bytes_in_batch_ = batch_time_ = 0;
  return std::optional(std::move(batch));
}

void LogStream::SetLimit(std::string file, uint64_t offset) {
  limited_ = true;
  limit_file_ = std::move(file);
  limit_offset_ = offset;
}

bool LogStream::AtLimit() const {
  if (!limited_ || file_.empty()) return false;
  int order = CompareLogFiles(file_, limit_file_);
  return order > 0 || (order == 0 && offset_ >= limit_offset_);
}

std::vector<std::string> LogStream::TakeRenames(const TableSchema& schema) {
  at_.renames.erase(schema.id.ToString());
  delivered_.renames.erase(schema.id.ToString());
  return tables_.TakeRenames(schema);
}

Event::Change LogStream::TakeChange(const TableId& id) {
  at_.reshaped.erase(id.ToString());
  delivered_.reshaped.erase(id.ToString());
  return tables_.TakeChange(id);
}

void LogStream::ForgetPlace() {
  for (LogPosition* position : {&at_, &delivered_}) {
    position->file.clear();
    position->offset = 0;
  }
  file_.clear();
  offset_ = 0;
}

void LogStream::Rewind() {
  // What was handed on inside a transaction is not pending any more.
  FollowedTables::Pending pending{delivered_.renames, delivered_.dropped,
                                  delivered_.shapes, delivered_.reshaped};
  if (delivered_rows_ > 0) pending = delivered_pending_;
  skip_rows_ = delivered_rows_;
  rows_after_ = 0;
  end_batch_ = false;
  at_ = delivered_;
  file_ = at_.file;
  offset_ = at_.offset;
  format_known_ = false;
  transaction_ = {};
  payload_.reset();
  replay_.reset();
  held_.reset();
  events_.clear();
  rejects_.clear();
  seq_ = 0;
  rows_in_batch_ = bytes_in_batch_ = batch_time_ = 0;
  tables_.Restart(std::move(pending));
}

}  // namespace leat::mysql
