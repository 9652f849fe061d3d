// A source in memory: one or several logs of transactions over several tables, read from
// any position, as often as wanted. Positions are counts of transactions.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/source.h"

namespace leat {

struct MemoryChange {
  std::string table;
  int64_t id = 0;
};
using MemoryTransaction = std::vector<MemoryChange>;

// The ids below n.
inline std::vector<int64_t> UpTo(int64_t n) {
  std::vector<int64_t> ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

// The server side, shared by every MemorySource that reads it. Thread-safe.
class MemoryLog {
 public:
  // `latest`: a reader without a position starts at what it finds, one further each time.
  explicit MemoryLog(std::map<ShardId, std::vector<MemoryTransaction>> shards,
                     bool latest = false)
      : shards_(std::move(shards)), latest_(latest) {}

  const std::map<ShardId, std::vector<MemoryTransaction>>& shards() const {
    return shards_;
  }
  int64_t size(const ShardId& shard) const {
    return static_cast<int64_t>(shards_.at(shard).size());
  }
  int64_t FirstPosition() { return latest_ ? std::min(starts_++, 2) : 0; }
  void Purge(const ShardId& shard, int64_t below);
  int64_t purged(const ShardId& shard) const;
  SchemaRef Schema(const std::string& table) const;

 private:
  const std::map<ShardId, std::vector<MemoryTransaction>> shards_;
  const bool latest_;
  std::atomic<int> starts_{0};
  mutable std::mutex mutex_;
  std::map<ShardId, int64_t> purged_;
};

// Deals the shards of a log to the sources that joined, takes some away at random moments
// and gives them to whoever asks next, until all of them are acknowledged to their ends.
// What one member alone sees depends on the seed only. Thread-safe.
class MemoryGroup {
 public:
  MemoryGroup(MemoryLog& log, uint64_t seed) : log_(log), random_(seed) {}

  struct Deal {
    std::vector<ShardId> take;
    std::vector<ShardId> drop;
    bool lost = false;  // of `drop`: somebody else may hold them already
    bool end = false;
  };
  int Join();
  void Leave(int member);
  // `idle`: the member has read all it holds.
  Deal Poll(int member, bool idle);
  void Ack(int member, const ShardId& shard, int64_t committed);

 private:
  struct Member {
    std::set<ShardId> lost;    // taken away, not told yet
    std::set<ShardId> giving;  // told, held until the next poll
    int waiting = 0;           // polls with nothing in hand, since anybody else's
  };
  std::vector<ShardId> HeldBy(int member) const;
  std::vector<ShardId> Free() const;
  void Expel(int but);
  bool Draw(int one_in) { return random_() % static_cast<uint64_t>(one_in) == 0; }

  MemoryLog& log_;
  std::mutex mutex_;
  std::mt19937_64 random_;
  std::map<ShardId, int> owners_;
  std::map<int, Member> members_;
  int joined_ = 0;
};

struct MemorySourceOptions {
  bool ends = true;          // else it waits for ever at its end
  bool split = true;         // transactions of several changes come in several batches
  bool acks = true;          // what is committed may be purged
  bool knows_tables = true;  // else each table is announced when it comes up
  int fail_after = -1;       // batches until Read fails with kTransient; -1: never
  MemoryGroup* group = nullptr;  // deals the shards; null: all are this one's
  // Called before each batch; may block.
  std::function<void(int64_t position)> on_read;
};

class MemorySource final : public Source {
 public:
  MemorySource(MemoryLog& log, MemorySourceOptions options);
  ~MemorySource() override;

  Status Open(const Needs& needs) override { return Status::Ok(); }
  Result<std::vector<SchemaRef>> Tables() override;
  Result<Position> Start(const ShardId& shard, const Resume& resume) override;
  Result<ReadResult> Read(SteadyTime deadline) override;
  Result<Position> End(const ShardId& shard) override;
  bool Reached(const Position& at, const Position& target) const override;
  Lag GetLag() const override { return {}; }
  std::string Lease() const override { return options_.group ? "member" : ""; }
  void Ack(const ShardId& shard, const Position& committed) override;

 private:
  struct Cursor {
    int64_t at = 0;
    std::map<std::string, int64_t> floors;
  };
  // An answer about shards, or nothing: there is something to read.
  std::optional<ReadResult> AskGroup();
  bool AllRead() const;
  void Forget(const ShardId& shard);
  // Puts the next transaction of the shard into batches.
  void Emit(const ShardId& shard, Cursor* cursor);
  void Announce(const std::string& table, Batch* batch);

  MemoryLog& log_;
  const MemorySourceOptions options_;
  bool assigned_ = false;
  int member_ = 0;
  std::map<ShardId, Cursor> cursors_;
  std::deque<Batch> ready_;
  std::set<std::string> announced_;
  int reads_ = 0;
};

}  // namespace leat
