// Ledger: what need not be sent again. How far the rows of each shard are done since the
// position that the store has of it, and when each key was told last.
//
// One small file in the pipeline's folder for caches, fsynced and replaced whole after
// each message. Where it is lost, the messages of the open epoch come again, under the
// ids they had, and a key may be told before its cooldown is over. Owned by a sink; the
// writer thread only. Errors: kTransient, kConfig (the file cannot be written).
//
// Rows of a shard have numbers that count up from `origin`, a position. A row's number is
// the same whenever it is read again, wherever epochs are cut: it follows from where its
// epoch began, and both the beginning of the newest epoch and its end are known by
// theirs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "core/epoch.h"
#include "wire/file_io.h"

namespace leat::notify {

class Ledger {
 public:
  // Of each shard, in the open epoch.
  struct Rows {
    std::string origin;
    int64_t number = 0;                      // of the next row
    int64_t done = 0;                        // rows below it need not be sent
    std::map<int64_t, std::string> refused;  // of those, and why

    // Where numbers are known. `to` is empty in the open epoch.
    std::string from;
    int64_t from_number = 0;
    std::optional<std::string> to;
    int64_t to_number = 0;
    int64_t replayed = 0;  // `done` as the epoch began
    bool open = false;
  };

  Ledger(Micros cooldown, Clock& clock) : cooldown_(cooldown), clock_(clock) {}
  // Reads what is in `folder`; a file that is damaged counts as lost.
  Status Open(const std::string& folder);

  // The rows of a shard, which the store has at `position`, from the epoch's first one
  // on.
  Rows* Begin(const ShardId& shard, const Position& position);
  // Those that Begin answered in this epoch; null: none.
  Rows* Current(const ShardId& shard);
  // The row whose turn it is need not be sent any more.
  void Done(Rows* rows);

  // Whether the key was told within the cooldown; if so, the message counts as left out.
  bool LeaveOut(const std::string& key);
  // Left out since the key was told.
  int64_t LeftOut(const std::string& key) const;
  void Told(const std::string& key);

  // What is staged is committed, or dropped: the next rows are of a new epoch.
  void Commit(const Checkpoint& checkpoint);
  void Abort();
  // Makes everything since the last Save durable.
  Status Save();

 private:
  struct Key {
    int64_t told = 0;  // microseconds since 1970
    int64_t left_out = 0;
  };
  bool Cools(const Key& key) const;
  void Forget();
  std::string ToJson() const;
  bool FromJson(const std::string& text);

  const Micros cooldown_;
  Clock& clock_;
  std::unique_ptr<FileIo> files_;
  std::string location_;
  std::map<ShardId, Rows> shards_;
  std::map<std::string, Key> keys_;  // by a digest of the key
  bool changed_ = false;
};

}  // namespace leat::notify
