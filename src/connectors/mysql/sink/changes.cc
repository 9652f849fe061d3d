#include "connectors/mysql/sink/changes.h"

#include <arrow/api.h>
#include <arrow/type_traits.h>

namespace leat::mysql {
namespace {

// A value's bytes, so that two keys are equal where their bytes are.
void AppendValue(const arrow::Array& array, int64_t row, std::string* out) {
  const auto append = [out](std::string_view text) {
    const auto size = static_cast<uint32_t>(text.size());
    out->append(reinterpret_cast<const char*>(&size), sizeof size);
    *out += text;
  };
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      *out += static_cast<const arrow::BooleanArray&>(array).Value(row) ? '1' : '0';
      return;
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return append(static_cast<const arrow::BinaryArray&>(array).GetView(row));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return append(static_cast<const arrow::LargeBinaryArray&>(array).GetView(row));
    default: break;
  }
  const auto width = static_cast<size_t>(
      static_cast<const arrow::FixedWidthType&>(*array.type()).byte_width());
  const uint8_t* values = array.data()->buffers[1]->data();
  const auto at = static_cast<size_t>(array.offset() + row);
  out->append(reinterpret_cast<const char*>(values + at * width), width);
}

// The same for spellings that a server may take for one key: letters of either case,
// spaces at the end, accents.
void AppendFolded(const arrow::Array& array, int64_t row, std::string* out) {
  if (array.type_id() != arrow::Type::STRING) return AppendValue(array, row, out);
  std::string_view text = static_cast<const arrow::StringArray&>(array).GetView(row);
  for (const char c : text) {
    if (c < 0 || c == ' ') continue;
    *out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  *out += '\0';
}

}  // namespace

TableChanges::TableChanges(std::shared_ptr<const TablePlan> plan, SinkOptions::Mode mode,
                           int lanes)
    : plan_(std::move(plan)), mode_(mode), lanes_(static_cast<uint32_t>(lanes)) {}

void TableChanges::Add(const ChunkRows& rows) {
  const Chunk& chunk = *rows.chunk;
  const auto add_batch = [&](const std::shared_ptr<arrow::RecordBatch>& batch) {
    batches_.push_back(batch);
    auto& keys = keys_.emplace_back();
    for (int column : plan_->shape.key) keys.push_back(batch->column(column));
    return static_cast<uint32_t>(batches_.size() - 1);
  };
  const uint32_t batch = add_batch(chunk.rows);
  const bool moves = mode_ == SinkOptions::Mode::kApply && chunk.before;
  const uint32_t before_batch = moves ? add_batch(chunk.before) : batch;
  entries_.reserve(entries_.size() + rows.to - rows.from);
  if (mode_ != SinkOptions::Mode::kInsert) last_.reserve(entries_.capacity());
  size_t updates = rows.before;
  for (size_t row = rows.from; row < rows.to; row++) {
    AddRow(chunk, row, batch, before_batch, updates);
    if (chunk.ops[row] == Op::kUpdate) updates++;
  }
}

void TableChanges::AddRow(const Chunk& chunk, size_t row, uint32_t batch,
                          uint32_t before_batch, size_t before) {
  const bool deleted = chunk.ops[row] == Op::kDelete;
  const RowRef ref{batch, static_cast<uint32_t>(row)};
  if (deleted && mode_ != SinkOptions::Mode::kApply) return;
  if (mode_ == SinkOptions::Mode::kInsert) {
    entries_.push_back({ref, false, 0});
    return;
  }
  if (chunk.ops[row] == Op::kUpdate && before_batch != batch) {
    const RowRef old{before_batch, static_cast<uint32_t>(before)};
    if (ReadKey(old)) {
      old_key_bytes_ = key_bytes_;
      if (!ReadKey(ref) || key_bytes_ != old_key_bytes_) {
        key_bytes_ = old_key_bytes_;
        Put(old, true);
      }
    }
  }
  if (ReadKey(ref)) {
    Put(ref, deleted);
  } else {
    without_key_.push_back(ref);
  }
}

bool TableChanges::ReadKey(const RowRef& row) {
  key_bytes_.clear();
  for (const auto& column : keys_[row.batch]) {
    if (column->IsNull(row.row)) return false;
    AppendValue(*column, row.row, &key_bytes_);
  }
  return true;
}

void TableChanges::Put(RowRef row, bool deleted) {
  const auto at = static_cast<uint32_t>(entries_.size());
  const auto [found, fresh] = last_.try_emplace(key_bytes_, at);
  replaced_.resize(entries_.size() + 1);
  if (!fresh) {
    replaced_[found->second] = true;
    found->second = at;
  }
  entries_.push_back({row, deleted, lanes_ > 1 ? LaneOf(row) : 0});
}

uint32_t TableChanges::LaneOf(const RowRef& row) const {
  std::string folded;
  for (const auto& column : keys_[row.batch]) AppendFolded(*column, row.row, &folded);
  return static_cast<uint32_t>(std::hash<std::string>()(folded) % lanes_);
}

std::vector<TableChanges::Lane> TableChanges::Finish() {
  if (mode_ == SinkOptions::Mode::kInsert) return FinishInserts();
  std::vector<Lane> lanes(lanes_);
  for (Lane& lane : lanes) {
    lane.push_back({Change::kDelete, {}});
    lane.push_back({plan_->replace ? Change::kInsert : Change::kUpsert, {}});
  }
  for (size_t i = 0; i < entries_.size(); i++) {
    if (replaced_[i]) continue;
    Lane& lane = lanes[entries_[i].lane];
    if (entries_[i].deleted || plan_->replace) lane[0].rows.push_back(entries_[i].row);
    if (!entries_[i].deleted) lane[1].rows.push_back(entries_[i].row);
  }
  return lanes;
}

// Rows without a key have no order to keep: each lane gets a piece.
std::vector<TableChanges::Lane> TableChanges::FinishInserts() {
  std::vector<Lane> lanes(lanes_);
  const size_t share = (entries_.size() + lanes_ - 1) / lanes_;
  for (size_t i = 0; i < entries_.size(); i++) {
    Lane& lane = lanes[i / share];
    if (lane.empty()) lane.push_back({Change::kInsert, {}});
    lane[0].rows.push_back(entries_[i].row);
  }
  return lanes;
}

}  // namespace leat::mysql
