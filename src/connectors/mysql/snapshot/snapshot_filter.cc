#include "connectors/mysql/snapshot/snapshot_filter.h"

#include <arrow/record_batch.h>

namespace leat::mysql {
namespace {

constexpr size_t kKeysAStatement = 500;

// Rows of several batches of one schema, in the order they are added; runs of neighbours
// are sliced, not copied one by one.
class RowPicker {
 public:
  void Add(const std::shared_ptr<arrow::RecordBatch>& from, int64_t row) {
    if (from.get() == from_.get() && row == first_ + count_) {
      count_++;
      return;
    }
    Flush();
    from_ = from;
    first_ = row;
    count_ = 1;
  }
  Result<std::shared_ptr<arrow::RecordBatch>> Finish(
      const std::shared_ptr<arrow::RecordBatch>& like) {
    Flush();
    if (slices_.empty()) return like->Slice(0, 0);
    auto joined = arrow::ConcatenateRecordBatches(slices_);
    if (!joined.ok()) return Status::Bug("joining rows: " + joined.status().ToString());
    return *std::move(joined);
  }

 private:
  void Flush() {
    if (count_ > 0) slices_.push_back(from_->Slice(first_, count_));
    count_ = 0;
  }
  std::vector<std::shared_ptr<arrow::RecordBatch>> slices_;
  std::shared_ptr<arrow::RecordBatch> from_;
  int64_t first_ = 0;
  int64_t count_ = 0;
};

// Builds the chunk of what is kept.
class Keeper {
 public:
  explicit Keeper(Chunk* chunk) : chunk_(chunk) {}

  // Row i of the chunk, with row `before` of its befores when it is an update.
  void Keep(size_t i, int64_t before) {
    rows_.Add(chunk_->rows, static_cast<int64_t>(i));
    Note(i, chunk_->ops[i]);
    if (chunk_->ops[i] == Op::kUpdate && chunk_->before) {
      befores_.Add(chunk_->before, before);
    }
  }
  // An update whose row came from, or went to, keys that are not taken yet.
  void KeepAsInsert(size_t i) {
    rows_.Add(chunk_->rows, static_cast<int64_t>(i));
    Note(i, Op::kInsert);
  }
  void KeepAsDelete(size_t i, int64_t before) {
    rows_.Add(chunk_->before, before);
    Note(i, Op::kDelete);
  }

  Status Finish() {
    ASSIGN_OR_RETURN(chunk_->rows, rows_.Finish(chunk_->rows));
    if (chunk_->before) {
      ASSIGN_OR_RETURN(chunk_->before, befores_.Finish(chunk_->before));
    }
    if (chunk_->meta) {
      ASSIGN_OR_RETURN(chunk_->meta, metas_.Finish(chunk_->meta));
    }
    chunk_->ops = std::move(ops_);
    chunk_->seq = std::move(seq_);
    chunk_->time = std::move(time_);
    return Status::Ok();
  }

 private:
  void Note(size_t i, Op op) {
    ops_.push_back(op);
    seq_.push_back(chunk_->seq[i]);
    time_.push_back(chunk_->time[i]);
    if (chunk_->meta) metas_.Add(chunk_->meta, static_cast<int64_t>(i));
  }

  Chunk* const chunk_;
  RowPicker rows_;
  RowPicker befores_;
  RowPicker metas_;
  std::vector<Op> ops_;
  std::vector<uint32_t> seq_;
  std::vector<int64_t> time_;
};

}  // namespace

Status SnapshotFilter::Apply(Chunk* chunk, const SnapshotProgress& progress) {
  auto found = keys_.find(chunk->schema->id);
  if (found == keys_.end() || chunk->size() == 0) return Status::Ok();
  const TableProgress& table = progress.Of(chunk->schema->id);
  if (table.done) return Status::Ok();
  Keeper keeper(chunk);
  if (table.last.empty()) return keeper.Finish();
  ASSIGN_OR_RETURN(std::vector<bool> taken,
                   NotAfter(found->second, *chunk->rows, table.last));
  std::vector<bool> taken_before;
  if (chunk->before) {
    ASSIGN_OR_RETURN(taken_before, NotAfter(found->second, *chunk->before, table.last));
  }
  int64_t before = 0;
  for (size_t i = 0; i < taken.size(); i++) {
    bool update = chunk->ops[i] == Op::kUpdate && chunk->before;
    int64_t own = update ? before++ : 0;
    bool was = update ? taken_before[static_cast<size_t>(own)] : taken[i];
    if (taken[i] && was) keeper.Keep(i, own);
    if (taken[i] && !was) keeper.KeepAsInsert(i);
    if (!taken[i] && was) keeper.KeepAsDelete(i, own);
  }
  return keeper.Finish();
}

Result<std::vector<bool>> SnapshotFilter::NotAfter(const ChunkKey& key,
                                                   const arrow::RecordBatch& rows,
                                                   const KeyValues& limit) {
  std::vector<bool> answers;
  std::vector<KeyValues> asked;
  for (int64_t row = 0; row < rows.num_rows(); row++) {
    ASSIGN_OR_RETURN(KeyValues values, key.Of(rows, row));
    if (key.integers()) {
      answers.push_back(key.NotAfter(values, limit));
      continue;
    }
    asked.push_back(std::move(values));
    if (asked.size() < kKeysAStatement && row + 1 < rows.num_rows()) continue;
    ASSIGN_OR_RETURN(std::vector<bool> some, NotAfter(key, asked, limit));
    answers.insert(answers.end(), some.begin(), some.end());
    asked.clear();
  }
  return answers;
}

Result<std::vector<bool>> SnapshotFilter::NotAfter(const ChunkKey& key,
                                                   const std::vector<KeyValues>& values,
                                                   const KeyValues& limit) {
  if (!client_) {
    ASSIGN_OR_RETURN(client_, Client::Connect(url_));
  }
  std::string sql;
  for (const KeyValues& value : values) {
    sql += (sql.empty() ? "SELECT " : ", ") + key.NotAfterExpression(value, limit);
  }
  ASSIGN_OR_RETURN(Rows rows, client_->Query(sql));
  if (rows.size() != 1 || rows[0].size() != values.size()) {
    return Status::Bug("the server compared another number of keys than asked");
  }
  std::vector<bool> answers;
  for (const std::optional<std::string>& answer : rows[0]) {
    if (!answer) return Status::Bug("the server compared a key with NULL");
    answers.push_back(*answer == "1");
  }
  return answers;
}

}  // namespace leat::mysql
