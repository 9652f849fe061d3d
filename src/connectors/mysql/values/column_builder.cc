#include "connectors/mysql/values/column_builder.h"

#include <arrow/api.h>

#include <algorithm>

#include "data/recycling_pool.h"

namespace leat::mysql {
namespace {

constexpr int64_t kFirstRows = 64;
constexpr int64_t kMostRowsAhead = 1 << 16;
constexpr size_t kFirstBytes = 1024;
constexpr size_t kMostBufferBytes = INT32_MAX;  // Arrow's 32-bit offsets

ColumnBuilder::Layout LayoutOf(const arrow::DataType& type) {
  using Layout = ColumnBuilder::Layout;
  switch (type.id()) {
    case arrow::Type::BOOL: return Layout::kBits;
    case arrow::Type::INT32:
    case arrow::Type::FLOAT:
    case arrow::Type::DATE32: return Layout::k4;
    case arrow::Type::DECIMAL128: return Layout::k16;
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return Layout::kBytes;
    default: return Layout::k8;
  }
}

int64_t ValueBytes(ColumnBuilder::Layout layout, int64_t rows) {
  switch (layout) {
    case ColumnBuilder::Layout::kBits: return (rows + 7) / 8;
    case ColumnBuilder::Layout::k4: return rows * 4;
    case ColumnBuilder::Layout::k8: return rows * 8;
    case ColumnBuilder::Layout::k16: return rows * 16;
    case ColumnBuilder::Layout::kBytes: return (rows + 1) * 4;
  }
  return 0;
}

// Arrow's pool fails only when there is no memory, and then a program that bounds its
// batches has no way on.
void Must(const arrow::Status& status) {
  if (!status.ok()) status.Abort("column builder");
}

// Makes `buffer` hold `size` bytes and keeps what it has.
uint8_t* Resize(std::unique_ptr<arrow::ResizableBuffer>* buffer, int64_t size) {
  if (!*buffer) {
    *buffer = arrow::AllocateResizableBuffer(0, RecyclingPool::ForBatches()).ValueOrDie();
  }
  Must((*buffer)->Resize(size, /*shrink_to_fit=*/false));
  return (*buffer)->mutable_data();
}

std::shared_ptr<arrow::Buffer> TakeBuffer(std::unique_ptr<arrow::ResizableBuffer>* buffer,
                                          int64_t size) {
  if (*buffer) Must((*buffer)->Resize(size, /*shrink_to_fit=*/false));
  return std::shared_ptr<arrow::Buffer>(std::move(*buffer));
}

// Columns that nobody filled: nulls over one block of zeros that they share.
std::shared_ptr<arrow::ArrayData> Nulls(const std::shared_ptr<arrow::DataType>& type,
                                        const std::shared_ptr<arrow::Buffer>& zeros,
                                        int64_t rows) {
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {zeros, zeros};
  if (LayoutOf(*type) == ColumnBuilder::Layout::kBytes) buffers.push_back(zeros);
  return arrow::ArrayData::Make(type, rows, std::move(buffers), rows);
}

}  // namespace

ColumnBuilder::ColumnBuilder(std::shared_ptr<arrow::DataType> type)
    : type_(std::move(type)), layout_(LayoutOf(*type_)) {}

void ColumnBuilder::Reserve(int64_t rows) {
  values_ = Resize(&values_buffer_, ValueBytes(layout_, rows));
  if (layout_ == Layout::kBytes) {
    if (capacity_ == 0) Put<int32_t>(0, 0);
    if (!bytes_) GrowBytes(std::max(bytes_hint_, kFirstBytes));
  }
  if (validity_) {
    validity_ = Resize(&validity_buffer_, (rows + 7) / 8);
    const int64_t old = (capacity_ + 7) / 8;
    std::memset(validity_ + old, 0xff, static_cast<size_t>((rows + 7) / 8 - old));
  }
  capacity_ = rows;
}

bool ColumnBuilder::GrowBytes(size_t more) {
  if (more > kMostBufferBytes - bytes_size_) return false;
  const size_t need = bytes_size_ + more;
  const size_t size = std::min(std::max(need, bytes_capacity_ * 2), kMostBufferBytes);
  bytes_ = reinterpret_cast<char*>(Resize(&bytes_buffer_, static_cast<int64_t>(size)));
  bytes_capacity_ = size;
  return true;
}

void ColumnBuilder::StartValidity() {
  const auto size = static_cast<size_t>((capacity_ + 7) / 8);
  validity_ = Resize(&validity_buffer_, static_cast<int64_t>(size));
  std::memset(validity_, 0xff, size);
}

void ColumnBuilder::PutNull(int64_t row) {
  if (!validity_) StartValidity();
  validity_[row >> 3] &= static_cast<uint8_t>(~(1u << (row & 7)));
  nulls_++;
  switch (layout_) {
    case Layout::kBits: PutBit(row, false); break;
    case Layout::k4: Put<int32_t>(row, 0); break;
    case Layout::k8: Put<int64_t>(row, 0); break;
    case Layout::k16: Put<__int128>(row, 0); break;
    case Layout::kBytes: EndBytes(row, 0); break;
  }
}

void ColumnBuilder::Rollback(int64_t row) {
  if (layout_ == Layout::kBytes) {
    int32_t offset;
    std::memcpy(&offset, values_ + row * 4, 4);
    bytes_size_ = static_cast<size_t>(offset);
  }
  const auto bit = static_cast<uint8_t>(1u << (row & 7));
  if (validity_ && !(validity_[row >> 3] & bit)) {
    validity_[row >> 3] |= bit;
    nulls_--;
  }
}

int64_t ColumnBuilder::bytes(int64_t rows) const {
  return ValueBytes(layout_, rows) + static_cast<int64_t>(bytes_size_) +
         (validity_ ? (rows + 7) / 8 : 0);
}

std::shared_ptr<arrow::ArrayData> ColumnBuilder::Finish(int64_t rows) {
  std::vector<std::shared_ptr<arrow::Buffer>> buffers;
  buffers.push_back(nulls_ ? TakeBuffer(&validity_buffer_, (rows + 7) / 8) : nullptr);
  buffers.push_back(TakeBuffer(&values_buffer_, ValueBytes(layout_, rows)));
  if (layout_ == Layout::kBytes) {
    buffers.push_back(TakeBuffer(&bytes_buffer_, static_cast<int64_t>(bytes_size_)));
    bytes_hint_ = bytes_size_ + bytes_size_ / 8;
  }
  auto data = arrow::ArrayData::Make(type_, rows, std::move(buffers), nulls_);
  validity_buffer_.reset();
  values_ = validity_ = nullptr;
  bytes_ = nullptr;
  bytes_size_ = bytes_capacity_ = 0;
  nulls_ = capacity_ = 0;
  return data;
}

TableBuilder::TableBuilder(SchemaRef schema, std::vector<int> filled)
    : schema_(std::move(schema)), filled_(schema_->columns.size(), filled.empty()) {
  for (int i : filled) filled_[static_cast<size_t>(i)] = 1;
  columns_.reserve(schema_->columns.size());
  for (const Column& column : schema_->columns) columns_.emplace_back(column.type);
}

void TableBuilder::Grow() {
  if (capacity_ == 0) {
    capacity_ = std::clamp(last_rows_, kFirstRows, kMostRowsAhead);
  } else {
    capacity_ *= 2;
  }
  for (size_t i = 0; i < columns_.size(); i++) {
    if (filled_[i]) columns_[i].Reserve(capacity_);
  }
}

void TableBuilder::RollbackRow() {
  if (rows_ == capacity_) return;  // none was started
  for (size_t i = 0; i < columns_.size(); i++) {
    if (filled_[i]) columns_[i].Rollback(rows_);
  }
}

void TableBuilder::RollbackRows(int64_t count) {
  for (size_t i = 0; i < columns_.size(); i++) {
    if (!filled_[i]) continue;
    for (int64_t row = rows_ + count; row-- > rows_;) columns_[i].Rollback(row);
  }
}

void TableBuilder::RollbackCommitted() {
  rows_--;
  RollbackRow();
}

int64_t TableBuilder::bytes() const {
  int64_t bytes = 0;
  for (size_t i = 0; i < columns_.size(); i++) {
    if (filled_[i]) bytes += columns_[i].bytes(rows_);
  }
  return bytes;
}

Result<std::shared_ptr<arrow::RecordBatch>> TableBuilder::Finish() {
  if (capacity_ == 0) Grow();
  std::shared_ptr<arrow::Buffer> zeros;
  std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
  arrays.reserve(columns_.size());
  for (size_t i = 0; i < columns_.size(); i++) {
    if (filled_[i]) {
      arrays.push_back(columns_[i].Finish(rows_));
      continue;
    }
    if (!zeros) {
      const int64_t size = 16 * (rows_ + 1);
      auto made = arrow::AllocateBuffer(size);
      if (!made.ok()) return Status::Transient(made.status().ToString());
      std::memset((*made)->mutable_data(), 0, static_cast<size_t>(size));
      zeros = *std::move(made);
    }
    arrays.push_back(Nulls(columns_[i].type_, zeros, rows_));
  }
  auto batch = arrow::RecordBatch::Make(schema_->arrow, rows_, std::move(arrays));
  last_rows_ = rows_;
  rows_ = capacity_ = 0;
  return batch;
}

}  // namespace leat::mysql
