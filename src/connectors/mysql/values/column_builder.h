// Column buffers that decoders write a row at a time and that become Arrow arrays without
// a copy. A row that turns out to be at fault is taken back whole. One thread.
//
// The caller of TableBuilder reserves a row, writes every filled column of it, then
// either commits or rolls back; nothing is virtual and fixed-width writes check nothing.
#pragma once

#include <arrow/buffer.h>
#include <arrow/record_batch.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/schema.h"

namespace leat::mysql {

// memcpy without the call for the few bytes that most values are.
inline void CopyValue(char* to, const char* from, size_t size) {
  if (size > 32) {
    std::memcpy(to, from, size);
  } else if (size >= 16) {  // two halves that may overlap
    std::memcpy(to, from, 16);
    std::memcpy(to + size - 16, from + size - 16, 16);
  } else if (size >= 8) {
    uint64_t first, last;
    std::memcpy(&first, from, 8);
    std::memcpy(&last, from + size - 8, 8);
    std::memcpy(to, &first, 8);
    std::memcpy(to + size - 8, &last, 8);
  } else if (size >= 4) {
    uint32_t first, last;
    std::memcpy(&first, from, 4);
    std::memcpy(&last, from + size - 4, 4);
    std::memcpy(to, &first, 4);
    std::memcpy(to + size - 4, &last, 4);
  } else {
    for (size_t i = 0; i < size; i++) to[i] = from[i];
  }
}

class ColumnBuilder {
 public:
  enum class Layout : uint8_t { kBits, k4, k8, k16, kBytes };

  explicit ColumnBuilder(std::shared_ptr<arrow::DataType> type);

  // Exactly one of these for `row`; it must be reserved.
  void PutBit(int64_t row, bool v) {
    uint8_t& byte = values_[row >> 3];
    const auto bit = static_cast<uint8_t>(1u << (row & 7));
    byte = v ? byte | bit : byte & static_cast<uint8_t>(~bit);
  }
  template <typename T>
  void Put(int64_t row, T v) {
    std::memcpy(values_ + row * static_cast<int64_t>(sizeof(T)), &v, sizeof(T));
  }
  // False: the column would pass 2 GiB; nothing is written.
  bool PutBytes(int64_t row, const char* data, size_t size) {
    char* to = StartBytes(size);
    if (!to) return false;
    CopyValue(to, data, size);
    EndBytes(row, size);
    return true;
  }
  bool PutBytes(int64_t row, std::string_view v) {
    return PutBytes(row, v.data(), v.size());
  }
  // Room for `most` bytes to write in place, or nullptr as above; then EndBytes with how
  // many they became.
  char* StartBytes(size_t most) {
    if (most > bytes_capacity_ - bytes_size_ && !GrowBytes(most)) return nullptr;
    return bytes_ + bytes_size_;
  }
  void EndBytes(int64_t row, size_t size) {
    bytes_size_ += size;
    Put<int32_t>(row + 1, static_cast<int32_t>(bytes_size_));
  }
  void PutNull(int64_t row);

  // For a loop over many rows that keeps in registers what each Put would load again. It
  // writes fixed-width values at their places in `values`, which stays until the next
  // row is started, and bytes at a cursor that it puts back before any other call.
  struct BytesCursor {
    char* at;
    char* begin;
    char* end;
    size_t left() const { return static_cast<size_t>(end - at); }
    int32_t size() const { return static_cast<int32_t>(at - begin); }
  };
  uint8_t* values() { return values_; }
  BytesCursor cursor() {
    return {bytes_ + bytes_size_, bytes_, bytes_ + bytes_capacity_};
  }
  void SetCursor(const BytesCursor& cursor) {
    bytes_size_ = static_cast<size_t>(cursor.at - cursor.begin);
  }

  Layout layout() const { return layout_; }

 private:
  friend class TableBuilder;

  void Reserve(int64_t rows);
  bool GrowBytes(size_t more);
  void Rollback(int64_t row);
  void StartValidity();
  int64_t bytes(int64_t rows) const;
  std::shared_ptr<arrow::ArrayData> Finish(int64_t rows);

  std::shared_ptr<arrow::DataType> type_;
  Layout layout_;
  uint8_t* values_ = nullptr;  // or offsets
  char* bytes_ = nullptr;
  size_t bytes_size_ = 0;
  size_t bytes_capacity_ = 0;
  uint8_t* validity_ = nullptr;  // made with the first null
  int64_t nulls_ = 0;
  int64_t capacity_ = 0;
  size_t bytes_hint_ = 0;  // what the last batch held
  std::unique_ptr<arrow::ResizableBuffer> values_buffer_;
  std::unique_ptr<arrow::ResizableBuffer> bytes_buffer_;
  std::unique_ptr<arrow::ResizableBuffer> validity_buffer_;
};

class TableBuilder {
 public:
  // `filled` empty: every column. Otherwise only those positions are written, and Finish
  // leaves the others null: what Needs::Before::kKey asks of `before`.
  explicit TableBuilder(SchemaRef schema, std::vector<int> filled = {});

  const SchemaRef& schema() const { return schema_; }
  int64_t rows() const { return rows_; }
  int64_t bytes() const;  // memory the rows hold
  bool filled(int column) const { return filled_[static_cast<size_t>(column)]; }
  ColumnBuilder& column(int i) { return columns_[static_cast<size_t>(i)]; }

  // The number of the row to write now.
  int64_t StartRow() {
    if (rows_ == capacity_) [[unlikely]]
      Grow();
    return rows_;
  }
  void CommitRow() { rows_++; }
  // The same for `count` rows at once; the first one's number.
  int64_t StartRows(int64_t count) {
    while (capacity_ - rows_ < count) Grow();
    return rows_;
  }
  void CommitRows(int64_t count) { rows_ += count; }
  void RollbackRows(int64_t count);
  // Takes back the row started and not committed, or the last one committed.
  void RollbackRow();
  void RollbackCommitted();

  // All rows as a record batch of the schema's shape; the builder is empty afterwards.
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  void Grow();

  SchemaRef schema_;
  std::vector<uint8_t> filled_;  // bytes: read for every value
  std::vector<ColumnBuilder> columns_;
  int64_t rows_ = 0;
  int64_t capacity_ = 0;
  int64_t last_rows_ = 0;
};

}  // namespace leat::mysql
