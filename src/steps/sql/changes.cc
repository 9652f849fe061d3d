#include "steps/sql/changes.h"

#include <arrow/compute/api.h>
#include <fmt/format.h>

#include <algorithm>

namespace leat::sql {
namespace {

using Rows = std::shared_ptr<arrow::RecordBatch>;

// A row of the result: where its values are, and what happened to it.
struct Row {
  int64_t origin = 0;   // in the chunk
  int64_t at = 0;       // in the query's rows, or behind them in those of `before`
  int64_t before = -1;  // in those of `before`: of an update
  Op op = Op::kInsert;
};

Result<Rows> Take(const Rows& from, const std::vector<int64_t>& rows) {
  auto indices = std::make_shared<arrow::Int64Array>(static_cast<int64_t>(rows.size()),
                                                     arrow::Buffer::Wrap(rows));
  auto taken =
      arrow::compute::Take(from, indices, arrow::compute::TakeOptions::NoBoundsCheck());
  if (!taken.ok()) return Status::Bug(taken.status().ToString());
  return taken->record_batch();
}

Result<Rows> JoinedRows(const Rows& first, const Rows& second) {
  auto joined = arrow::ConcatenateRecordBatches({first, second});
  if (!joined.ok()) return Status::Bug(joined.status().ToString());
  return *joined;
}

// Where each of the chunk's rows is in the answer; -1: nowhere.
Result<std::vector<int64_t>> Places(const Answer& answer, int64_t rows,
                                    const std::function<bool(int64_t)>& may_repeat) {
  std::vector<int64_t> places(static_cast<size_t>(rows), -1);
  for (size_t i = 0; i < answer.origin.size(); i++) {
    int64_t& place = places[static_cast<size_t>(answer.origin[i])];
    if (place >= 0 && !may_repeat(answer.origin[i])) {
      return Status::Config(
          "the query makes several rows of one that was updated or deleted: which of "
          "them "
          "are to be updated cannot be told; let it make one row of each");
    }
    place = static_cast<int64_t>(i);
  }
  return places;
}

bool Identity(const std::vector<Row>& rows, int64_t size) {
  if (static_cast<int64_t>(rows.size()) != size) return false;
  for (size_t i = 0; i < rows.size(); i++) {
    if (rows[i].at != static_cast<int64_t>(i) ||
        rows[i].origin != static_cast<int64_t>(i)) {
      return false;
    }
  }
  return true;
}

// The rows after the query, in the order of the chunk's.
Result<std::vector<Row>> Survivors(const Chunk& chunk, const Answer& rows,
                                   const Answer* before) {
  const auto inserted = [&](int64_t row) {
    const Op op = chunk.ops[static_cast<size_t>(row)];
    return op == Op::kInsert || op == Op::kRead;
  };
  RETURN_IF_ERROR(Places(rows, chunk.size(), inserted).status());
  std::vector<int64_t> places_before;
  if (before) {
    ASSIGN_OR_RETURN(places_before, Places(*before, chunk.before->num_rows(),
                                           [](int64_t) { return false; }));
  }
  std::vector<int64_t> update(static_cast<size_t>(chunk.size()), -1);
  for (int64_t row = 0, updates = 0; row < chunk.size(); row++) {
    if (chunk.ops[static_cast<size_t>(row)] == Op::kUpdate) {
      update[static_cast<size_t>(row)] = updates++;
    }
  }
  std::vector<Row> survivors;
  std::vector<bool> there(static_cast<size_t>(chunk.size()));
  for (size_t i = 0; i < rows.origin.size(); i++) {
    Row row{rows.origin[i], static_cast<int64_t>(i), -1, Op::kInsert};
    const auto at = static_cast<size_t>(row.origin);
    there[at] = true;
    row.op = chunk.ops[at];
    if (row.op == Op::kUpdate && before) {
      row.before = places_before[static_cast<size_t>(update[at])];
      if (row.before < 0) row.op = Op::kInsert;  // the filter lets it in now
    }
    survivors.push_back(row);
  }
  for (int64_t row = 0; before && row < chunk.size(); row++) {
    const int64_t number = update[static_cast<size_t>(row)];
    if (number < 0 || there[static_cast<size_t>(row)]) continue;
    const int64_t was = places_before[static_cast<size_t>(number)];
    if (was < 0) continue;
    survivors.push_back({row, rows.rows->num_rows() + was, -1, Op::kDelete});
  }
  std::stable_sort(survivors.begin(), survivors.end(),
                   [](const Row& a, const Row& b) { return a.origin < b.origin; });
  return survivors;
}

}  // namespace

Result<Chunk> ByRow(const Chunk& chunk, const SchemaRef& schema, const Answer& rows,
                    const Answer* before) {
  ASSIGN_OR_RETURN(std::vector<Row> survivors, Survivors(chunk, rows, before));
  Chunk out;
  out.schema = schema;
  std::vector<int64_t> taken;
  std::vector<int64_t> origins;
  std::vector<int64_t> befores;
  for (const Row& row : survivors) {
    const auto origin = static_cast<size_t>(row.origin);
    taken.push_back(row.at);
    origins.push_back(row.origin);
    if (row.op == Op::kUpdate && before) befores.push_back(row.before);
    out.ops.push_back(row.op);
    out.seq.push_back(chunk.seq[origin]);
    if (!chunk.time.empty()) out.time.push_back(chunk.time[origin]);
  }
  if (Identity(survivors, chunk.size())) {
    out.rows = rows.rows;
    out.meta = chunk.meta;
  } else {
    Rows from = rows.rows;
    if (before) {
      ASSIGN_OR_RETURN(from, JoinedRows(from, before->rows));
    }
    ASSIGN_OR_RETURN(out.rows, Take(from, taken));
    if (chunk.meta) {
      ASSIGN_OR_RETURN(out.meta, Take(chunk.meta, origins));
    }
  }
  if (before) {
    ASSIGN_OR_RETURN(out.before, Take(before->rows, befores));
  }
  return out;
}

Result<Chunk> Combined(const Chunk& chunk, const SchemaRef& schema, const Answer& rows) {
  for (const Op op : chunk.ops) {
    if (op == Op::kInsert || op == Op::kRead) continue;
    return Status::Config(fmt::format(
        "the query combines rows of {}, but rows of it are updated or deleted, and what "
        "they were part of cannot be taken back; combine them where they are read",
        schema->id.ToString()));
  }
  Chunk out;
  out.schema = schema;
  out.rows = rows.rows;
  const auto size = static_cast<size_t>(rows.rows->num_rows());
  out.ops.assign(size, Op::kInsert);
  out.seq.assign(size, chunk.seq.back());
  if (!chunk.time.empty()) {
    out.time.assign(size, *std::max_element(chunk.time.begin(), chunk.time.end()));
  }
  return out;
}

}  // namespace leat::sql
