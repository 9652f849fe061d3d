#include "format/row_encoder.h"

#include <fmt/format.h>

#include <numeric>

#include "format/json/row_writer.h"
#include "format/key_columns.h"
#include "format/topic_name.h"

namespace leat {
namespace {}  // namespace

Needs RowEncoder::needs() const {
  Needs needs;
  // Columns of a key of the user's own are not those that kKey brings.
  needs.before = options_.format.key.empty() ? Needs::Before::kKey : Needs::Before::kFull;
  return needs;
}

std::string RowEncoder::TopicFor(const TableId& table) const {
  return TopicName(options_.topic, table);
}

Result<RowEncoder::Plan*> RowEncoder::PlanOf(const SchemaRef& schema) {
  const auto found = plans_.find(schema.get());
  if (found != plans_.end()) return &found->second;
  if (plans_.size() >= kMaxPlans) plans_.clear();
  Plan plan;
  plan.schema = schema;
  plan.topic = TopicFor(schema->id);
  ASSIGN_OR_RETURN(const std::vector<int> key, KeyColumns(*schema, options_.format.key));
  if (!key.empty()) {
    ASSIGN_OR_RETURN(plan.key, MakeForm(*schema, key, /*key=*/true));
    ASSIGN_OR_RETURN(plan.old_key, MakeForm(*schema, key, /*key=*/true));
  }
  std::vector<int> all(schema->columns.size());
  std::iota(all.begin(), all.end(), 0);
  ASSIGN_OR_RETURN(plan.row, MakeForm(*schema, all, /*key=*/false));
  return &plans_.emplace(schema.get(), std::move(plan)).first->second;
}

Status RowEncoder::Encode(const Batch& batch, const TakeRecords& take,
                          std::vector<DeadLetter>* rejects) {
  std::map<std::string, TopicParts> topics;
  for (const Chunk& chunk : batch.chunks) {
    if (chunk.size() == 0) continue;
    ASSIGN_OR_RETURN(Plan* const plan, PlanOf(chunk.schema));
    topics[plan->topic].chunks.push_back(&chunk);
  }
  for (const auto& [topic, parts] : topics) {
    RecordsBuilder& to = writer_.To(topic);
    for (const OrderedRows& run : InOrder(parts.chunks, {})) {
      ASSIGN_OR_RETURN(Plan* const plan, PlanOf(run.chunk->schema));
      RETURN_IF_ERROR(WriteRun(run, plan, &to, take, rejects));
    }
  }
  return writer_.Flush(take);
}

Status RowEncoder::WriteRun(const OrderedRows& run, Plan* plan, RecordsBuilder* to,
                            const TakeRecords& take, std::vector<DeadLetter>* rejects) {
  const Chunk& chunk = *run.chunk;
  const int64_t now = options_.clock->WallMicros() / 1000;
  const bool keyed = plan->key != nullptr;
  const bool moves = keyed && chunk.before;
  plan->row->Bind(*chunk.rows);
  if (keyed) plan->key->Bind(*chunk.rows);
  if (moves) plan->old_key->Bind(*chunk.before);
  int64_t update = run.update;
  for (int64_t row = run.begin; row < run.end; row++) {
    const Op op = chunk.ops[static_cast<size_t>(row)];
    const int64_t time = MillisOf(chunk, row, now);
    if (op == Op::kDelete && !keyed) {
      rejects->push_back(WithoutKey(chunk, row, to->topic()));
      continue;
    }
    if (keyed) plan->key->Write(row, &to->key());
    if (op == Op::kUpdate && moves) {
      old_key_.Drop();
      plan->old_key->Write(update++, &old_key_);
      if (old_key_.open() != to->key().open()) {
        to->key().Drop();
        to->Add(old_key_.open(), std::nullopt, time);
        plan->key->Write(row, &to->key());
      }
    }
    if (op != Op::kDelete) plan->row->Write(row, &to->value());
    to->End(time, keyed, op != Op::kDelete);
    RETURN_IF_ERROR(writer_.Cut(to, take));
  }
  return Status::Ok();
}

DeadLetter RowEncoder::WithoutKey(const Chunk& chunk, int64_t row,
                                  const std::string& topic) const {
  DeadLetter letter;
  letter.table = chunk.schema->id.ToString();
  letter.reason = fmt::format(
      "a delete of a table without a key cannot be written as {} to topic {}; name the "
      "columns that identify a row in `key`, or use `format: debezium`",
      options_.format.name, topic);
  const auto at = static_cast<size_t>(row);
  letter.time = at < chunk.time.size() ? chunk.time[at] : 0;
  letter.row = json::RowText(*chunk.rows, row);
  return letter;
}

Result<std::shared_ptr<arrow::BinaryArray>> RowEncoder::Keys(const Chunk& chunk,
                                                             bool before) {
  ASSIGN_OR_RETURN(Plan* const plan, PlanOf(chunk.schema));
  const arrow::RecordBatch* rows = before ? chunk.before.get() : chunk.rows.get();
  ByteColumn keys;
  if (plan->key && rows) plan->key->Bind(*rows);
  for (int64_t row = 0; rows && row < rows->num_rows(); row++) {
    if (plan->key) plan->key->Write(row, &keys);
    plan->key ? keys.End() : keys.EndNull();
  }
  return keys.Finish();
}

}  // namespace leat
