// Changes of one table's rows as statements need them: of each key the last row only,
// deletes ahead of what is written, dealt to lanes by key. Statements of one lane run in
// order on one connection; lanes never share a key.
//
// Deletes may go first because in the end a key is either there or not: a key that is
// both deleted and written, as the target compares keys, is one whose spelling changed.
//
// Owned by the sink for one batch; one thread. Keeps the rows alive.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/mysql/sink/params.h"
#include "connectors/mysql/sink/plan.h"
#include "data/batch.h"

namespace leat::mysql {

// Rows [from, to) of a chunk; `before`: updates ahead of `from` in it.
struct ChunkRows {
  const Chunk* chunk = nullptr;
  size_t from = 0;
  size_t to = 0;
  size_t before = 0;
};

class TableChanges {
 public:
  struct Step {
    Change change = Change::kInsert;
    std::vector<RowRef> rows;
  };
  using Lane = std::vector<Step>;

  TableChanges(std::shared_ptr<const TablePlan> plan, SinkOptions::Mode mode, int lanes);

  // In the order of the rows.
  void Add(const ChunkRows& rows);
  // After the last Add.
  std::vector<Lane> Finish();

  const std::shared_ptr<const TablePlan>& plan() const { return plan_; }
  const RowBatches& batches() const { return batches_; }
  // Rows whose key is null, which nothing can be told apart by.
  const std::vector<RowRef>& without_key() const { return without_key_; }

 private:
  struct Entry {
    RowRef row;
    bool deleted = false;
    uint32_t lane = 0;
  };

  void AddRow(const Chunk& chunk, size_t row, uint32_t batch, uint32_t before_batch,
              size_t before);
  // Makes `row` the last of its key.
  void Put(RowRef row, bool deleted);
  // The key's bytes into key_bytes_; false when a part is null.
  bool ReadKey(const RowRef& row);
  uint32_t LaneOf(const RowRef& row) const;
  std::vector<Lane> FinishInserts();

  const std::shared_ptr<const TablePlan> plan_;
  const SinkOptions::Mode mode_;
  const uint32_t lanes_;
  RowBatches batches_;
  std::vector<std::vector<std::shared_ptr<arrow::Array>>> keys_;  // of each batch
  std::vector<Entry> entries_;
  std::vector<bool> replaced_;  // of entries_: a later one has its key
  std::unordered_map<std::string, uint32_t> last_;
  std::vector<RowRef> without_key_;
  std::string key_bytes_;
  std::string old_key_bytes_;
};

}  // namespace leat::mysql
