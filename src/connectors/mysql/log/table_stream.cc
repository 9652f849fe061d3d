#include "connectors/mysql/log/table_stream.h"

namespace leat::mysql {
namespace {

std::unique_ptr<TableBuilder> MakeBefore(const SchemaRef& schema, const Needs& needs) {
  if (needs.before == Needs::Before::kNone) return nullptr;
  std::vector<int> filled;  // empty: all, and a table without a key has only all
  if (needs.before == Needs::Before::kKey) filled = schema->key;
  return std::make_unique<TableBuilder>(schema, std::move(filled));
}

Op OpOfRows(RowsKind kind) {
  switch (kind) {
    case RowsKind::kWrite: return Op::kInsert;
    case RowsKind::kDelete: return Op::kDelete;
    default: return Op::kUpdate;
  }
}

}  // namespace

TableStream::TableStream(const TableDef& table, SchemaRef schema,
                         const ValueOptions& values, const Needs& needs, Flavor flavor)
    : schema_(std::move(schema)),
      decoder_(table, values),
      rows_(schema_),
      before_(MakeBefore(schema_, needs)),
      meta_(needs.meta ? std::make_unique<RowMeta>(table, flavor) : nullptr) {}

int64_t TableStream::bytes() const {
  constexpr int64_t kPerRow = sizeof(Op) + sizeof(uint32_t) + sizeof(int64_t);
  int64_t bytes = rows_.bytes() + rows_.rows() * kPerRow;
  if (before_) bytes += before_->bytes();
  return bytes;
}

Result<int64_t> TableStream::Append(const RowsEvent& event, const RowContext& context,
                                    int64_t skip, uint32_t* seq,
                                    std::vector<DeadLetter>* rejects) {
  bool update = event.kind == RowsKind::kUpdate || event.kind == RowsKind::kPartialUpdate;
  RETURN_IF_ERROR(decoder_.SetColumns(event.columns, event.present,
                                      update ? event.present_after : ""));
  Rows rows{event, context, skip, ByteReader(event.rows)};
  size_t first = ops_.size();
  int64_t rows_before = rows_.rows();
  while (rows.in.left() > 0) {
    ASSIGN_OR_RETURN(bool done, AppendBlock(&rows));
    if (!done) RETURN_IF_ERROR(AppendSingly(&rows, rejects));
  }
  auto added = static_cast<size_t>(rows_.rows() - rows_before);
  ops_.resize(first + added, OpOfRows(event.kind));
  time_.resize(first + added, context.time);
  seq_.resize(first + added);
  for (size_t i = first; i < first + added; i++) seq_[i] = (*seq)++;
  return rows.taken;
}

// False: the next rows have to be looked at one by one.
Result<bool> TableStream::AppendBlock(Rows* rows) {
  const RowsKind kind = rows->event.kind;
  if (kind == RowsKind::kPartialUpdate || rows->taken < rows->skip) return false;
  int64_t count =
      decoder_.AppendBlock(&rows->in, kind == RowsKind::kUpdate, before_.get(), &rows_);
  for (int64_t i = 0; meta_ && i < count; i++) {
    const int64_t row = rows->taken + i;
    RETURN_IF_ERROR(meta_->Append(rows->context, row));
  }
  rows->taken += count;
  return count > 0;
}

// As many as a block may have.
Status TableStream::AppendSingly(Rows* rows, std::vector<DeadLetter>* rejects) {
  const RowsKind kind = rows->event.kind;
  const bool update = kind == RowsKind::kUpdate || kind == RowsKind::kPartialUpdate;
  ByteReader& in = rows->in;
  DeadLetter reject;
  for (int64_t i = 0; i < RowDecoder::kBlockRows && in.left() > 0; i++) {
    size_t left = in.left();
    ASSIGN_OR_RETURN(bool good, AppendRow(kind, &in, &reject));
    // A row takes at least the byte of its NULL bitmap, so this ends.
    if (in.failed() || in.left() == left) {
      return Status::Data("a row event is cut off inside a row");
    }
    const int64_t row = rows->taken++;
    if (row < rows->skip) {  // delivered before: only its bytes count
      if (!good) continue;
      rows_.RollbackCommitted();
      if (before_ && update) before_->RollbackCommitted();
      continue;
    }
    if (!good) {
      reject.table = schema_->id.ToString();
      reject.time = rows->context.time;
      rejects->push_back(std::move(reject));
      reject = {};
      continue;
    }
    if (meta_) RETURN_IF_ERROR(meta_->Append(rows->context, row));
  }
  return Status::Ok();
}

Result<bool> TableStream::AppendRow(RowsKind kind, ByteReader* in, DeadLetter* reject) {
  if (kind == RowsKind::kWrite || kind == RowsKind::kDelete) {
    return decoder_.Append(in, &rows_, reject);
  }
  return decoder_.AppendUpdate(in, kind == RowsKind::kPartialUpdate, before_.get(),
                               &rows_, reject);
}

Result<Chunk> TableStream::Finish() {
  Chunk chunk;
  chunk.schema = schema_;
  decoder_.ReleaseBlocks();
  ASSIGN_OR_RETURN(chunk.rows, rows_.Finish());
  if (before_) {
    ASSIGN_OR_RETURN(chunk.before, before_->Finish());
  }
  if (meta_) {
    ASSIGN_OR_RETURN(chunk.meta, meta_->Finish());
  }
  chunk.ops = std::move(ops_);
  chunk.seq = std::move(seq_);
  chunk.time = std::move(time_);
  ops_ = {};
  seq_ = {};
  time_ = {};
  ops_.reserve(chunk.ops.size());
  seq_.reserve(chunk.seq.size());
  time_.reserve(chunk.time.size());
  return chunk;
}

}  // namespace leat::mysql
