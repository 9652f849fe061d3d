#include "data/recycling_pool.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace leat {
namespace {

constexpr int64_t kLeast = 16 << 10;  // smaller blocks are no trouble
constexpr int64_t kMostForBatches = 24 << 20;
constexpr int64_t kAlignment = arrow::kDefaultBufferAlignment;

bool Kept(int64_t size, int64_t alignment) {
  return size >= kLeast && alignment == kAlignment;
}

// Eight sizes between two powers of two: a block is used again for its like, and no more
// than an eighth of it is wasted.
int64_t Rounded(int64_t size) {
  const int64_t step =
      static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(size))) / 8;
  return (size + step - 1) / step * step;
}

}  // namespace

RecyclingPool* RecyclingPool::ForBatches() {
  static auto* const pool =
      new RecyclingPool(arrow::default_memory_pool(), kMostForBatches);
  return pool;
}

arrow::Status RecyclingPool::Allocate(int64_t size, int64_t alignment, uint8_t** out) {
  if (!Kept(size, alignment)) return base_->Allocate(size, alignment, out);
  const int64_t rounded = Rounded(size);
  {
    std::lock_guard lock(mutex_);
    std::vector<uint8_t*>& blocks = free_[rounded];
    if (!blocks.empty()) {
      *out = blocks.back();
      blocks.pop_back();
      kept_ -= rounded;
      return arrow::Status::OK();
    }
  }
  return base_->Allocate(rounded, alignment, out);
}

arrow::Status RecyclingPool::Reallocate(int64_t old_size, int64_t new_size,
                                        int64_t alignment, uint8_t** block) {
  const bool was_kept = Kept(old_size, alignment);
  const bool is_kept = Kept(new_size, alignment);
  if (!was_kept && !is_kept) {
    return base_->Reallocate(old_size, new_size, alignment, block);
  }
  if (was_kept && is_kept && Rounded(old_size) == Rounded(new_size)) {
    return arrow::Status::OK();
  }
  uint8_t* bigger;
  ARROW_RETURN_NOT_OK(Allocate(new_size, alignment, &bigger));
  std::memcpy(bigger, *block, static_cast<size_t>(std::min(old_size, new_size)));
  Free(*block, old_size, alignment);
  *block = bigger;
  return arrow::Status::OK();
}

void RecyclingPool::Free(uint8_t* block, int64_t size, int64_t alignment) {
  if (!Kept(size, alignment)) return base_->Free(block, size, alignment);
  const int64_t rounded = Rounded(size);
  {
    std::lock_guard lock(mutex_);
    if (kept_ + rounded <= most_) {
      free_[rounded].push_back(block);
      kept_ += rounded;
      return;
    }
  }
  base_->Free(block, rounded, alignment);
}

void RecyclingPool::ReleaseUnused() {
  if (kept_ == 0) return;
  std::lock_guard lock(mutex_);
  for (const auto& [size, blocks] : free_) {
    for (uint8_t* block : blocks) base_->Free(block, size, kAlignment);
  }
  free_.clear();
  kept_ = 0;
}

}  // namespace leat
