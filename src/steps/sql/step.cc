#include "steps/sql/step.h"

#include <arrow/compute/initialize.h>
#include <fmt/format.h>
#include <fnmatch.h>

#include "format/json/row_writer.h"
#include "steps/sql/changes.h"

namespace leat::sql {
namespace {

// The shape of the query's rows: columns it passes on keep what the source says of them.
SchemaRef OutputShape(const TableSchema& input, const arrow::Schema& output) {
  std::vector<Column> columns;
  for (const auto& field : output.fields()) {
    Column column{field->name(), field->type(), true, ""};
    if (const int at = input.Find(field->name()); at >= 0) {
      const Column& from = input.columns[static_cast<size_t>(at)];
      if (from.type->Equals(*column.type)) column = from;
    }
    columns.push_back(std::move(column));
  }
  std::vector<int> key;
  for (const int at : input.key) {
    const int found = output.GetFieldIndex(input.columns[static_cast<size_t>(at)].name);
    if (found < 0) return TableSchema::Make(input.id, std::move(columns), {});
    key.push_back(found);
  }
  return TableSchema::Make(input.id, std::move(columns), std::move(key));
}

std::vector<std::string> RenamedFrom(const Event& event, const TableSchema& output) {
  std::vector<std::string> renamed;
  if (event.renamed_from.empty()) return renamed;
  for (const Column& column : output.columns) {
    const int at = event.schema->Find(column.name);
    renamed.push_back(at < 0 ? column.name : event.renamed_from[static_cast<size_t>(at)]);
  }
  return renamed;
}

// Rows [from, to) of the chunk.
Chunk Slice(const Chunk& chunk, int64_t from, int64_t to) {
  Chunk out;
  out.schema = chunk.schema;
  out.rows = chunk.rows->Slice(from, to - from);
  out.ops.assign(chunk.ops.begin() + from, chunk.ops.begin() + to);
  out.seq.assign(chunk.seq.begin() + from, chunk.seq.begin() + to);
  if (!chunk.time.empty()) {
    out.time.assign(chunk.time.begin() + from, chunk.time.begin() + to);
  }
  if (chunk.meta) out.meta = chunk.meta->Slice(from, to - from);
  if (chunk.before) {
    const auto first =
        std::count(chunk.ops.begin(), chunk.ops.begin() + from, Op::kUpdate);
    out.before = chunk.before->Slice(
        first, std::count(out.ops.begin(), out.ops.end(), Op::kUpdate));
  }
  return out;
}

Result<Chunk> Ask(Query& query, const SchemaRef& shape, const Chunk& chunk) {
  ASSIGN_OR_RETURN(Answer rows, query.Run(*chunk.rows));
  if (!query.by_row()) return Combined(chunk, shape, rows);
  if (!chunk.before) return ByRow(chunk, shape, rows, nullptr);
  ASSIGN_OR_RETURN(Answer before, query.Run(*chunk.before));
  return ByRow(chunk, shape, rows, &before);
}

// Asks for the whole chunk, and where that fails for its halves, down to the rows at
// fault.
Status AskInHalves(Query& query, const SchemaRef& shape, const Chunk& chunk,
                   const std::function<void(const Chunk&, const Status&)>& reject,
                   std::vector<Chunk>* out) {
  if (chunk.size() == 0) return Status::Ok();
  Result<Chunk> asked = Ask(query, shape, chunk);
  if (asked.ok()) {
    if (asked->size() > 0) out->push_back(*std::move(asked));
    return Status::Ok();
  }
  if (asked.status().kind() != ErrorKind::kData) return asked.status();
  if (chunk.size() == 1) {
    reject(chunk, asked.status());
    return Status::Ok();
  }
  const int64_t half = chunk.size() / 2;
  RETURN_IF_ERROR(AskInHalves(query, shape, Slice(chunk, 0, half), reject, out));
  return AskInHalves(query, shape, Slice(chunk, half, chunk.size()), reject, out);
}

}  // namespace

Result<std::unique_ptr<Step>> SqlStep::Make(SqlOptions options) {
  if (const auto status = arrow::compute::Initialize(); !status.ok()) {
    return Status::Bug(status.ToString());
  }
  std::unique_ptr<SqlStep> step(new SqlStep(std::move(options)));
  ASSIGN_OR_RETURN(step->engine_, Engine::Make());
  ASSIGN_OR_RETURN(step->keeps_every_row_,
                   KeepsEveryRow(*step->engine_, step->options_.query));
  return std::unique_ptr<Step>(std::move(step));
}

Needs SqlStep::needs() const {
  return {.before = keeps_every_row_ ? Needs::Before::kNone : Needs::Before::kFull};
}

bool SqlStep::Wants(const TableId& table) const {
  if (options_.tables.empty()) return true;
  for (const std::string& pattern : options_.tables) {
    if (fnmatch(pattern.c_str(), table.ToString().c_str(), 0) == 0 ||
        fnmatch(pattern.c_str(), table.table.c_str(), 0) == 0) {
      return true;
    }
  }
  return false;
}

Result<SqlStep::Shaped*> SqlStep::ShapedFor(const SchemaRef& input) {
  Shaped& shaped = shaped_[input->id];
  if (shaped.query && (shaped.input == input || shaped.input->SameShape(*input))) {
    return &shaped;
  }
  auto query = Query::Make(*engine_, options_.query, input->arrow);
  if (!query.ok()) {
    return query.status().Within(
        fmt::format("the step sql over {}", input->id.ToString()));
  }
  shaped.query = *std::move(query);
  shaped.input = input;
  shaped.output = OutputShape(*input, *shaped.query->output());
  return &shaped;
}

Result<SchemaRef> SqlStep::Shape(const SchemaRef& input) {
  if (!Wants(input->id)) return input;
  ASSIGN_OR_RETURN(Shaped * shaped, ShapedFor(input));
  return shaped->output;
}

Status SqlStep::Apply(Batch batch, StepContext& context) {
  for (Event& event : batch.events) {
    if (!event.schema || !Wants(event.schema->id)) continue;
    ASSIGN_OR_RETURN(SchemaRef shape, Shape(event.schema));
    event.renamed_from = RenamedFrom(event, *shape);
    event.schema = std::move(shape);
  }
  std::vector<Chunk> chunks;
  for (Chunk& chunk : batch.chunks) {
    if (!Wants(chunk.schema->id)) {
      chunks.push_back(std::move(chunk));
      continue;
    }
    ASSIGN_OR_RETURN(Shaped * shaped, ShapedFor(chunk.schema));
    const auto reject = [&](const Chunk& row, const Status& why) {
      DeadLetter letter;
      letter.table = row.schema->id.ToString();
      letter.reason = "step sql: " + why.message();
      letter.position = batch.end;
      letter.row = json::RowText(*row.rows, 0);
      letter.time = row.time.empty() ? 0 : row.time.front();
      context.Reject(std::move(letter));
    };
    RETURN_IF_ERROR(AskInHalves(*shaped->query, shaped->output, chunk, reject, &chunks));
  }
  batch.chunks = std::move(chunks);
  context.Emit(std::move(batch));
  return Status::Ok();
}

}  // namespace leat::sql
