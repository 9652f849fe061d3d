// RecyclingPool: an Arrow memory pool that keeps large freed blocks for the next batch.
// Batches are made by one thread and freed by another, many times a second; general
// allocators give such memory back to the system, which clears every page of it again.
//
// Keeps at most `most` bytes, and nothing after ReleaseUnused, which whoever has nothing
// to do calls. Borrows `base`; outlives every buffer it gave. Any thread.
#pragma once

#include <arrow/memory_pool.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace leat {

class RecyclingPool final : public arrow::MemoryPool {
 public:
  RecyclingPool(arrow::MemoryPool* base, int64_t most) : base_(base), most_(most) {}
  ~RecyclingPool() override { ReleaseUnused(); }

  // One for the batches of all sources; never destroyed.
  static RecyclingPool* ForBatches();

  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Free;
  using arrow::MemoryPool::Reallocate;
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override;
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t** block) override;
  void Free(uint8_t* block, int64_t size, int64_t alignment) override;
  void ReleaseUnused() override;

  int64_t kept() const { return kept_; }
  int64_t bytes_allocated() const override { return base_->bytes_allocated() - kept_; }
  int64_t total_bytes_allocated() const override {
    return base_->total_bytes_allocated();
  }
  int64_t num_allocations() const override { return base_->num_allocations(); }
  std::string backend_name() const override { return base_->backend_name(); }

 private:
  arrow::MemoryPool* const base_;
  const int64_t most_;
  std::mutex mutex_;
  std::map<int64_t, std::vector<uint8_t*>> free_;  // by size
  std::atomic<int64_t> kept_ = 0;
};

}  // namespace leat
