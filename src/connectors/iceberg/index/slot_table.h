// SlotTable: a hash table over a memory-mapped file, key hash -> place, with open
// addressing and linear probing.
//
// A slot is its hash and a place: 16 bytes with one hash word, 24 with two. The home of a
// hash is hash * capacity >> 64, so slots lie in the order of their hashes; there is no
// wrap-around but a tail after the last home. A removed key leaves its slot behind with
// the place kRemoved. Growth is incremental: the slots are moved in order into a larger
// file, some with each call, and what was moved is given back to the file system.
//
// The file may be left at any instruction by kill -9 (the page cache keeps it): a slot's
// place is written last, and moving the same slots twice is harmless. A crash of the
// machine may leave anything: the caller must not trust the file then.
//
// One owner, one thread. Errors: kTransient (disk full).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "connectors/iceberg/index/key_hash.h"

namespace leat::iceberg {

// Where a key's row is: file number << 32 | row. File numbers start at 1.
using Place = uint64_t;
constexpr Place kNoPlace = 0;

constexpr Place MakePlace(uint32_t file, uint32_t row) {
  return static_cast<Place>(file) << 32 | row;
}
constexpr uint32_t FileOf(Place place) { return static_cast<uint32_t>(place >> 32); }
constexpr uint32_t RowOf(Place place) { return static_cast<uint32_t>(place); }

// What survives the process, kept by the caller in its own mapped header. All zero:
// empty.
struct SlotTableState {
  uint64_t generation = 0;     // of the file in use, 0: none yet
  uint64_t capacity = 0;       // homes in it
  uint64_t next_capacity = 0;  // growing into generation + 1; 0: not growing
  uint64_t moved = 0;          // homes below it are in the next generation
  uint64_t used = 0;           // slots not empty, removed ones too: a hint
  uint64_t live = 0;           // keys; a process killed while it put one leaves one more
  uint64_t changing = 0;       // not 0: killed while several of these changed together
};

class SlotTable {
 public:
  // Files are named `path`.<generation>. `state` is borrowed and kept up to date; one
  // that is `changing` cannot be opened.
  static Result<std::unique_ptr<SlotTable>> Open(std::string path, bool wide,
                                                 SlotTableState* state);
  virtual ~SlotTable() = default;

  // The place of each key, kNoPlace where there is none.
  virtual void Find(std::span<const KeyHash> keys, Place* found) const = 0;
  // In order: puts each key at its place, or removes it where the place is kNoPlace;
  // answers in `before` (if not null) where it was.
  virtual Status Put(std::span<const KeyHash> keys, std::span<const Place> places,
                     Place* before) = 0;
  // A new and empty generation with room for `keys`; the files before it stay.
  virtual Status StartEmpty(uint64_t keys) = 0;
  // Ends a growth under way.
  virtual Status FinishGrowth() = 0;
  // Goes back to an older generation whose file is still there.
  virtual Status Reopen(uint64_t generation, uint64_t capacity, uint64_t live) = 0;
  virtual void RemoveFile(uint64_t generation) = 0;
  // Waits until the mapped pages are on the disk.
  virtual Status Flush() = 0;
};

}  // namespace leat::iceberg
