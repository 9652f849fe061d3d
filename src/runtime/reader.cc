#include "runtime/reader.h"

#include <future>

namespace leat {
namespace {

// How long an acknowledgement waits for a source that has nothing, and a stop for one
// that cannot be woken.
constexpr auto kReadWait = std::chrono::milliseconds(200);
constexpr int64_t kItemBytes = 256;

}  // namespace

Reader::Reader(Make make, const Context& context, const Needs& needs, int64_t queue_bytes,
               StatsBoard& board)
    : make_(std::move(make)),
      context_(context),
      needs_(needs),
      board_(board),
      queue_(queue_bytes),
      thread_([this] { Run(); }) {}

Reader::~Reader() {
  queue_.Close();
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
    Wake();
  }
  thread_.join();
}

void Reader::Run() {
  auto source = make_(context_);
  Status opened = source.status();
  if (source.ok()) {
    {
      std::lock_guard lock(mutex_);
      source_ = *std::move(source);
    }
    opened = source_->Open(needs_);
  }
  if (!opened.ok()) {
    Push({.kind = ReadItem::Kind::kError, .error = opened});
    ended_ = true;
  }
  while (!ended_ && ReadOnce()) {
    RunCalls(/*wait=*/false);
    NoteCpu();
  }
  ended_ = true;
  RunCalls(/*wait=*/true);
  std::unique_ptr<Source> over;
  {
    std::lock_guard lock(mutex_);
    over = std::move(source_);
  }
  over.reset();
  NoteCpu();
}

void Reader::NoteCpu() {
  double used = ThreadCpuSeconds();
  board_.Update([&](PipelineStats& s) { s.reader_cpu_seconds += used - noted_cpu_; });
  noted_cpu_ = used;
}

bool Reader::ReadOnce() {
  if (Finished()) return Push({.kind = ReadItem::Kind::kStopped}) && false;
  auto read = source_->Read(std::chrono::steady_clock::now() + kReadWait);
  if (!read.ok()) {
    Push({.kind = ReadItem::Kind::kError, .error = read.status()});
    return false;
  }
  switch (read->kind) {
    case ReadResult::Kind::kIdle: return !queue_.closed();
    case ReadResult::Kind::kEnd: Push({.kind = ReadItem::Kind::kEnd}); return false;
    case ReadResult::Kind::kBatch:
      if (read->batch.boundary) {
        in_transaction_.erase(read->batch.shard);
      } else {
        in_transaction_.insert(read->batch.shard);
      }
      return Push({.kind = ReadItem::Kind::kBatch, .batch = std::move(read->batch)});
    case ReadResult::Kind::kAssigned:
    case ReadResult::Kind::kRevoked: break;
  }
  {
    std::lock_guard lock(mutex_);
    waiting_ = true;
  }
  const bool revoked = read->kind == ReadResult::Kind::kRevoked;
  if (!Push({.kind = revoked ? ReadItem::Kind::kRevoked : ReadItem::Kind::kAssigned,
             .shards = std::move(read->shards),
             .lost = read->lost})) {
    return false;
  }
  RunCalls(/*wait=*/true);
  // The writer has closed its epoch at a boundary, or has every shard read from one.
  in_transaction_.clear();
  return !queue_.closed();
}

// The queue is shown from here too: a writer that hangs cannot.
bool Reader::Push(ReadItem item) {
  int64_t bytes = kItemBytes + item.batch.bytes;
  const bool taken = queue_.Push(std::move(item), bytes);
  board_.Update([&](PipelineStats& s) { s.queue_bytes = queue_.bytes(); });
  return taken;
}

bool Reader::Finished() const {
  std::lock_guard lock(mutex_);
  if (!finish_by_) return false;
  return in_transaction_.empty() || std::chrono::steady_clock::now() >= *finish_by_;
}

void Reader::RunCalls(bool wait) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (wait) {
      changed_.wait(
          lock, [&] { return closing_ || !calls_.empty() || (!waiting_ && !ended_); });
    }
    if (calls_.empty()) return;
    auto call = std::move(calls_.front());
    calls_.pop_front();
    lock.unlock();
    if (source_) call(*source_);
    lock.lock();
  }
}

Status Reader::Call(std::function<Status(Source&)> call) {
  auto done = std::make_shared<std::promise<Status>>();
  std::future<Status> answer = done->get_future();
  Post([call = std::move(call), done](Source& source) { done->set_value(call(source)); });
  return answer.get();
}

void Reader::Post(std::function<void(Source&)> call) {
  std::lock_guard lock(mutex_);
  calls_.push_back(std::move(call));
  changed_.notify_all();
}

void Reader::Go() {
  std::lock_guard lock(mutex_);
  waiting_ = false;
  changed_.notify_all();
}

void Reader::Finish(SteadyTime deadline) {
  std::lock_guard lock(mutex_);
  finish_by_ = deadline;
  Wake();
}

}  // namespace leat
