// A column of byte strings that is written in place: a value is written to one growing
// buffer and ends where End says. Faster than an Arrow builder, because a writer that
// knows how much it needs at most asks once and then writes through a pointer. Owned by
// one thread. A column holds less than 2 GiB; the caller cuts before (see bytes).
#pragma once

#include <arrow/array/array_binary.h>
#include <arrow/buffer.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace leat {

class ByteColumn {
 public:
  ByteColumn() { offsets_.push_back(0); }

  // Room for `most` more bytes, to be written from the pointer on; Wrote says how far.
  char* Room(size_t most) {
    if (capacity_ - size_ < most) Grow(most);
    return data_ + size_;
  }
  void Wrote(const char* end) { size_ = static_cast<size_t>(end - data_); }
  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    char* at = Room(bytes.size());
    std::memcpy(at, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void Append(char c) {
    *Room(1) = c;
    size_++;
  }

  void End() { offsets_.push_back(static_cast<int32_t>(size_)); }
  void EndNull();
  // Takes back what was written after the last End.
  void Drop() { size_ = static_cast<size_t>(offsets_.back()); }

  int64_t rows() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  int64_t bytes() const { return static_cast<int64_t>(size_); }
  // What was written after the last End.
  std::string_view open() const {
    const auto start = static_cast<size_t>(offsets_.back());
    return {data_ + start, size_ - start};
  }

  // The column; this is empty again.
  std::shared_ptr<arrow::BinaryArray> Finish();

 private:
  void Grow(size_t most);

  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t first_ = 0;  // how much is asked for at first
  std::vector<int32_t> offsets_;
  std::vector<bool> nulls_;  // as long as the last null; empty: none
  int64_t null_count_ = 0;
};

}  // namespace leat
