// Reader: the thread that runs a source. It makes, opens, reads and destroys the source;
// what it reads goes into a queue bounded in bytes. Whatever else the writer wants of the
// source it asks for with Call or Post, which run on the reader's thread between reads.
//
// After shards were assigned or revoked the reader waits for Go: nothing is read before
// the writer has recovered them, or has let go of them. After the last item (stopped,
// end, error) it still answers calls.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/queue.h"
#include "core/source.h"
#include "runtime/board.h"

namespace leat {

struct ReadItem {
  enum class Kind : uint8_t { kBatch, kAssigned, kRevoked, kEnd, kStopped, kError };
  Kind kind = Kind::kBatch;
  Batch batch = {};                  // kBatch
  std::vector<ShardId> shards = {};  // kAssigned, kRevoked
  bool lost = false;                 // kRevoked
  Status error = {};                 // kError
};

class Reader {
 public:
  using Make = std::function<Result<std::unique_ptr<Source>>(const Context&)>;

  // Starts the thread. Borrows context and board.
  Reader(Make make, const Context& context, const Needs& needs, int64_t queue_bytes,
         StatsBoard& board);
  // Runs what was posted, ends the source and the thread.
  ~Reader();

  // The next item; nothing when the deadline came first.
  std::optional<ReadItem> Next(SteadyTime deadline) { return queue_.Pop(deadline); }
  int64_t queue_bytes() const { return queue_.bytes(); }

  // Runs `call` on the reader's thread and waits for it. Only while the reader does not
  // wait for room in the queue: until Go, or after the last item.
  Status Call(std::function<Status(Source&)> call);
  // The same without waiting, at any time.
  void Post(std::function<void(Source&)> call);
  // Goes on reading after an assignment or a revocation.
  void Go();
  // Reads to the next boundary, or to `deadline`, then stops: kStopped.
  void Finish(SteadyTime deadline);
  // For what a source answers on any thread; valid after the first assignment.
  Source& source() const { return *source_; }

 private:
  void Run();
  // False when there is nothing more to read.
  bool ReadOnce();
  bool Push(ReadItem item);
  bool Finished() const;
  // Ends the source's wait for more, if it waits. With mutex_ held.
  void Wake() const {
    if (source_) source_->Wake();
  }
  // Runs what was posted; with `wait` until there is nothing to wait for any more.
  void RunCalls(bool wait);
  void NoteCpu();

  const Make make_;
  const Context& context_;
  const Needs needs_;
  StatsBoard& board_;
  ByteQueue<ReadItem> queue_;
  std::unique_ptr<Source> source_;  // set and reset with mutex_ held
  std::set<ShardId> in_transaction_;
  bool ended_ = false;  // the last item is pushed
  double noted_cpu_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void(Source&)>> calls_;
  bool waiting_ = false;  // for Go
  bool closing_ = false;
  std::optional<SteadyTime> finish_by_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace leat
