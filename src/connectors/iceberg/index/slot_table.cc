#include "connectors/iceberg/index/slot_table.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "connectors/iceberg/index/mapped_file.h"

namespace leat::iceberg {
namespace {

constexpr Place kRemoved = 1;  // in a slot: a key that is gone; no file has number 0
constexpr uint64_t kTail = 1024;
constexpr uint64_t kMinCapacity = 4096;
constexpr size_t kAhead = 16;           // slots are prefetched that many keys ahead
constexpr uint64_t kMovePerKey = 24;    // slots moved for each key put while growing
constexpr uint64_t kFullPercent = 80;   // of slots used: then it grows
constexpr uint64_t kFreshPercent = 61;  // of slots used after growth

template <int kWords>  // of the hash: 1 or 2
struct Slot {
  uint64_t hash[kWords];
  Place place;

  bool Holds(const KeyHash& key) const {
    if constexpr (kWords == 1) return hash[0] == key.high;
    if constexpr (kWords == 2) return hash[0] == key.high && hash[1] == key.low;
  }
  KeyHash key() const {
    if constexpr (kWords == 1) return {hash[0], 0};
    if constexpr (kWords == 2) return {hash[0], hash[1]};
  }
  // The place comes last: until then the slot is empty, or removed, to every reader.
  void Set(const KeyHash& key, Place to) {
    hash[0] = key.high;
    if constexpr (kWords == 2) hash[1] = key.low;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    place = to;
  }
};

template <int kWords>
class Generation {
 public:
  using SlotType = Slot<kWords>;

  static Result<Generation> Open(const std::string& path, uint64_t capacity) {
    Generation made;
    made.capacity_ = capacity;
    ASSIGN_OR_RETURN(made.file_,
                     MappedFile::Open(path, (capacity + kTail) * sizeof(SlotType)));
    return made;
  }

  uint64_t HomeOf(const KeyHash& key) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(key.high) * capacity_) >>
                                 64);
  }
  SlotType* slots() const { return reinterpret_cast<SlotType*>(file_.data()); }
  uint64_t slot_count() const { return capacity_ + kTail; }
  uint64_t capacity() const { return capacity_; }
  const MappedFile& file() const { return file_; }

  const SlotType* Find(const KeyHash& key) const {
    for (uint64_t at = HomeOf(key); at < slot_count(); at++) {
      const SlotType& slot = slots()[at];
      if (slot.place == kNoPlace) return nullptr;
      if (slot.Holds(key)) return &slot;
    }
    return nullptr;
  }
  // The key's slot, else the one to put it into; nullptr: no room up to the end.
  SlotType* FindForPut(const KeyHash& key) {
    SlotType* free = nullptr;
    for (uint64_t at = HomeOf(key); at < slot_count(); at++) {
      SlotType& slot = slots()[at];
      if (slot.place == kNoPlace) return free ? free : &slot;
      if (slot.Holds(key)) return &slot;
      if (slot.place == kRemoved && !free) free = &slot;
    }
    return free;
  }

 private:
  uint64_t capacity_ = 0;
  MappedFile file_;
};

template <int kWords>
class SlotTableOf final : public SlotTable {
 public:
  SlotTableOf(std::string path, SlotTableState* state)
      : path_(std::move(path)), state_(*state) {}

  Status Init() {
    if (state_.generation == 0) return StartEmpty(0);
    ASSIGN_OR_RETURN(now_, Gen::Open(PathOf(state_.generation), state_.capacity));
    if (growing()) {
      ASSIGN_OR_RETURN(next_,
                       Gen::Open(PathOf(state_.generation + 1), state_.next_capacity));
      ForgetHalfMoved();
    }
    return Status::Ok();
  }

  void Find(std::span<const KeyHash> keys, Place* found) const override {
    const size_t n = keys.size();
    for (size_t i = 0; i < std::min(n, kAhead); i++) Prefetch(keys[i]);
    for (size_t i = 0; i < n; i++) {
      if (i + kAhead < n) Prefetch(keys[i + kAhead]);
      const auto* slot = In(keys[i]).Find(keys[i]);
      found[i] = slot && slot->place != kRemoved ? slot->place : kNoPlace;
    }
  }

  Status Put(std::span<const KeyHash> keys, std::span<const Place> places,
             Place* before) override {
    const size_t n = keys.size();
    if (state_.used + n > state_.capacity / 100 * kFullPercent && !growing()) {
      RETURN_IF_ERROR(StartGrowth(state_.live + n));
    }
    if (growing()) RETURN_IF_ERROR(Move(n * kMovePerKey));
    for (size_t i = 0; i < std::min(n, kAhead); i++) Prefetch(keys[i]);
    for (size_t i = 0; i < n; i++) {
      if (i + kAhead < n) Prefetch(keys[i + kAhead]);
      Place was = kNoPlace;
      RETURN_IF_ERROR(PutOne(keys[i], places[i], &was));
      if (before) before[i] = was;
    }
    return Status::Ok();
  }

  Status StartEmpty(uint64_t keys) override {
    const uint64_t capacity = CapacityFor(keys);
    const uint64_t generation = state_.generation + (growing() ? 2 : 1);
    unlink(PathOf(generation).c_str());
    ASSIGN_OR_RETURN(now_, Gen::Open(PathOf(generation), capacity));
    next_ = Gen();
    Become(generation, capacity, 0);
    return Status::Ok();
  }

  Status FinishGrowth() override {
    return growing() ? Move(state_.capacity + kTail) : Status::Ok();
  }

  Status Reopen(uint64_t generation, uint64_t capacity, uint64_t live) override {
    ASSIGN_OR_RETURN(now_, Gen::Open(PathOf(generation), capacity));
    next_ = Gen();
    Become(generation, capacity, live);
    return Status::Ok();
  }

  void RemoveFile(uint64_t generation) override { unlink(PathOf(generation).c_str()); }

  Status Flush() override {
    RETURN_IF_ERROR(now_.file().Flush());
    return growing() ? next_.file().Flush() : Status::Ok();
  }

 private:
  using Gen = Generation<kWords>;

  static uint64_t CapacityFor(uint64_t keys) {
    return std::max(kMinCapacity, keys * 100 / kFreshPercent);
  }
  std::string PathOf(uint64_t generation) const {
    return path_ + '.' + std::to_string(generation);
  }
  bool growing() const { return state_.next_capacity != 0; }

  const Gen& In(const KeyHash& key) const {
    return growing() && now_.HomeOf(key) < state_.moved ? next_ : now_;
  }
  Gen& In(const KeyHash& key) {
    return growing() && now_.HomeOf(key) < state_.moved ? next_ : now_;
  }
  void Prefetch(const KeyHash& key) const {
    const Gen& gen = In(key);
    __builtin_prefetch(gen.slots() + gen.HomeOf(key), 1);
  }

  // A key is counted before it is put and after it is removed, so that a process killed
  // in between leaves a count too high, which is a hint, and never one that falls below
  // zero.
  Status PutOne(const KeyHash& key, Place place, Place* before) {
    auto* slot = In(key).FindForPut(key);
    while (!slot) {  // a run reached the end of the tail: only more room helps
      RETURN_IF_ERROR(FinishGrowth());
      RETURN_IF_ERROR(StartGrowth(std::max(state_.live, state_.capacity)));
      RETURN_IF_ERROR(FinishGrowth());
      slot = In(key).FindForPut(key);
    }
    const bool same = slot->place != kNoPlace && slot->Holds(key);
    if (same && slot->place != kRemoved) *before = slot->place;
    if (place == kNoPlace) {
      if (*before == kNoPlace) return Status::Ok();
      slot->place = kRemoved;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      state_.live--;
      return Status::Ok();
    }
    if (slot->place == kNoPlace) state_.used++;
    if (*before == kNoPlace) state_.live++;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (same) {
      slot->place = place;
    } else {
      slot->Set(key, place);
    }
    return Status::Ok();
  }

  void Become(uint64_t generation, uint64_t capacity, uint64_t live) {
    state_.changing = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    state_ = {generation, capacity, 0, 0, live, live, 1};
    std::atomic_signal_fence(std::memory_order_seq_cst);
    state_.changing = 0;
  }

  // A process killed inside Move left copies behind; what they copy may change or go
  // before it is moved again.
  void ForgetHalfMoved() {
    for (uint64_t at = 0; at < next_.slot_count(); at++) {
      auto& slot = next_.slots()[at];
      if (slot.place > kRemoved && now_.HomeOf(slot.key()) >= state_.moved) {
        slot.place = kRemoved;
      }
    }
  }

  Status StartGrowth(uint64_t keys) {
    const uint64_t capacity = CapacityFor(keys);
    unlink(PathOf(state_.generation + 1).c_str());
    ASSIGN_OR_RETURN(next_, Gen::Open(PathOf(state_.generation + 1), capacity));
    state_.moved = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    state_.next_capacity = capacity;
    return Status::Ok();
  }

  // Moves at least `slots` slots, up to an empty one: every key whose home is before an
  // empty slot lies before it too.
  Status Move(uint64_t slots) {
    const uint64_t end = now_.slot_count();
    uint64_t at = state_.moved;
    const uint64_t stop = std::min(end, at + slots);
    for (; at < end && (at < stop || now_.slots()[at].place != kNoPlace); at++) {
      const auto& slot = now_.slots()[at];
      if (slot.place <= kRemoved) continue;
      auto* to = next_.FindForPut(slot.key());
      if (!to) return Status::Bug("the key index has no room while it grows");
      to->Set(slot.key(), slot.place);
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const uint64_t from = state_.moved;
    state_.moved = at;
    if (at < end) {
      now_.file().Release(from * sizeof(Slot<kWords>),
                          (at - from) * sizeof(Slot<kWords>));
      return Status::Ok();
    }
    const uint64_t old = state_.generation;
    Become(old + 1, state_.next_capacity, state_.live);
    now_ = std::move(next_);
    next_ = Gen();
    RemoveFile(old);
    return Status::Ok();
  }

  const std::string path_;
  SlotTableState& state_;
  Gen now_;
  Gen next_;
};

template <int kWords>
Result<std::unique_ptr<SlotTable>> OpenAs(std::string path, SlotTableState* state) {
  auto table = std::make_unique<SlotTableOf<kWords>>(std::move(path), state);
  RETURN_IF_ERROR(table->Init());
  return std::unique_ptr<SlotTable>(std::move(table));
}

}  // namespace

Result<std::unique_ptr<SlotTable>> SlotTable::Open(std::string path, bool wide,
                                                   SlotTableState* state) {
  return wide ? OpenAs<2>(std::move(path), state) : OpenAs<1>(std::move(path), state);
}

}  // namespace leat::iceberg
