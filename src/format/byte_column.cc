#include "format/byte_column.h"

#include <arrow/util/bit_util.h>

#include <algorithm>
#include <new>

namespace leat {
namespace {

constexpr size_t kFirst = size_t{4} << 10;
constexpr size_t kMostFirst = size_t{1} << 20;

}  // namespace

void ByteColumn::Grow(size_t most) {
  const size_t wanted = std::max({kFirst, first_, capacity_ * 2, size_ + most});
  const auto bytes = static_cast<int64_t>(wanted);
  // Out of memory ends the program, as it does in the standard library's containers.
  if (!buffer_) {
    auto made = arrow::AllocateResizableBuffer(bytes);
    if (!made.ok()) throw std::bad_alloc();
    buffer_ = *std::move(made);
  } else if (!buffer_->Resize(bytes, /*shrink_to_fit=*/false).ok()) {
    throw std::bad_alloc();
  }
  data_ = reinterpret_cast<char*>(buffer_->mutable_data());
  capacity_ = wanted;
}

void ByteColumn::EndNull() {
  Drop();
  nulls_.resize(static_cast<size_t>(rows()) + 1);
  nulls_.back() = true;
  null_count_++;
  End();
}

std::shared_ptr<arrow::BinaryArray> ByteColumn::Finish() {
  if (!buffer_) Grow(0);
  const int64_t count = rows();
  std::shared_ptr<arrow::Buffer> validity;
  if (null_count_ > 0) {
    std::vector<uint8_t> bits(static_cast<size_t>((count + 7) / 8), 0xff);
    for (size_t i = 0; i < nulls_.size(); i++) {
      if (nulls_[i]) arrow::bit_util::ClearBit(bits.data(), static_cast<int64_t>(i));
    }
    validity = arrow::Buffer::FromVector(std::move(bits));
  }
  auto values = arrow::SliceBuffer(std::move(buffer_), 0, static_cast<int64_t>(size_));
  auto made = std::make_shared<arrow::BinaryArray>(
      count, arrow::Buffer::FromVector(std::move(offsets_)), std::move(values),
      std::move(validity), null_count_);
  // What comes next is of about that size, often.
  const size_t first = std::min(capacity_, kMostFirst);
  *this = ByteColumn();
  first_ = first;
  return made;
}

}  // namespace leat
