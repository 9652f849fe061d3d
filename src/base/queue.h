// A queue between two threads, bounded by the bytes of what stands in it: a producer
// waits while it is full, a consumer while it is empty. One item may always stand in it,
// however large. Thread-safe; any number of threads on either side.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace leat {

template <typename T>
class ByteQueue {
 public:
  explicit ByteQueue(int64_t max_bytes) : max_bytes_(max_bytes) {}

  // False once closed; the item is then dropped.
  bool Push(T item, int64_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(
        lock, [&] { return closed_ || items_.empty() || bytes_ + bytes <= max_bytes_; });
    if (closed_) return false;
    items_.emplace_back(std::move(item), bytes);
    bytes_ += bytes;
    changed_.notify_all();
    return true;
  }

  // Nothing when the deadline came first, or when closed and drained (see closed()).
  std::optional<T> Pop(SteadyTime deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    auto [item, bytes] = std::move(items_.front());
    items_.pop_front();
    bytes_ -= bytes;
    changed_.notify_all();
    return std::move(item);
  }

  // Wakes everybody; what stands in the queue can still be taken.
  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }
  int64_t bytes() const {
    std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  const int64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<T, int64_t>> items_;
  int64_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace leat
