#include "format/json/encoder.h"

#include <fmt/format.h>

#include "format/key_columns.h"
#include "format/topic_name.h"

namespace leat::json {
namespace {

constexpr size_t kMaxPlans = 1024;  // schemas that are no longer used are forgotten

RowWriter WriterOf(const TableSchema& schema, const std::vector<int>& columns) {
  std::vector<RowField> fields;
  for (const int i : columns) {
    const Column& column = schema.columns[static_cast<size_t>(i)];
    RowField field;
    field.name = column.name;
    field.column = i;
    field.form = PlainForm(*column.type);
    fields.push_back(std::move(field));
  }
  return RowWriter(std::move(fields));
}

void Write(const RowWriter& writer, int64_t row, ByteColumn* to) {
  to->Wrote(writer.Write(row, to->Room(writer.Most(row))));
}

}  // namespace

Needs JsonEncoder::needs() const {
  Needs needs;
  // Columns of a key of the user's own are not those that kKey brings.
  needs.before = options_.format.key.empty() ? Needs::Before::kKey : Needs::Before::kFull;
  return needs;
}

std::string JsonEncoder::TopicFor(const TableId& table) const {
  return TopicName(options_.topic, table);
}

Result<JsonEncoder::Plan*> JsonEncoder::PlanOf(const SchemaRef& schema) {
  const auto found = plans_.find(schema.get());
  if (found != plans_.end()) return &found->second;
  if (plans_.size() >= kMaxPlans) plans_.clear();
  Plan plan;
  plan.schema = schema;
  plan.topic = TopicFor(schema->id);
  ASSIGN_OR_RETURN(const std::vector<int> key, KeyColumns(*schema, options_.format.key));
  plan.has_key = !key.empty();
  plan.key = plan.old_key = WriterOf(*schema, key);
  std::vector<int> all(schema->columns.size());
  for (size_t i = 0; i < all.size(); i++) all[i] = static_cast<int>(i);
  plan.row = WriterOf(*schema, all);
  return &plans_.emplace(schema.get(), std::move(plan)).first->second;
}

Status JsonEncoder::Encode(const Batch& batch, std::vector<Records>* out,
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
      WriteRun(run, plan, &to, out, rejects);
    }
  }
  writer_.Flush(out);
  return Status::Ok();
}

void JsonEncoder::WriteRun(const OrderedRows& run, Plan* plan, RecordsBuilder* to,
                           std::vector<Records>* out, std::vector<DeadLetter>* rejects) {
  const Chunk& chunk = *run.chunk;
  const int64_t now = options_.clock->WallMicros() / 1000;
  const bool moves = plan->has_key && chunk.before;
  plan->row.Bind(*chunk.rows);
  plan->key.Bind(*chunk.rows);
  if (moves) plan->old_key.Bind(*chunk.before);
  int64_t update = run.update;
  for (int64_t row = run.begin; row < run.end; row++) {
    const Op op = chunk.ops[static_cast<size_t>(row)];
    const int64_t time = MillisOf(chunk, row, now);
    if (op == Op::kDelete && !plan->has_key) {
      DeadLetter letter;
      letter.table = chunk.schema->id.ToString();
      letter.reason = fmt::format(
          "a delete of a table without a key cannot be written as JSON to topic {}; name "
          "the columns that identify a row in `key`, or use `format: debezium`",
          to->topic());
      letter.time = time * 1000;
      ByteColumn bytes;
      Write(plan->row, row, &bytes);
      letter.row = bytes.open();
      rejects->push_back(std::move(letter));
      continue;
    }
    if (plan->has_key) Write(plan->key, row, &to->key());
    if (op == Op::kUpdate && moves) {
      old_key_.resize(plan->old_key.Most(update));
      const char* end = plan->old_key.Write(update++, old_key_.data());
      old_key_.resize(static_cast<size_t>(end - old_key_.data()));
      if (old_key_ != to->key().open()) {
        to->key().Drop();
        to->Add(old_key_, std::nullopt, time);
        Write(plan->key, row, &to->key());
      }
    }
    if (op != Op::kDelete) Write(plan->row, row, &to->value());
    to->End(time, plan->has_key, op != Op::kDelete);
    writer_.Cut(to, out);
  }
}

Result<std::shared_ptr<arrow::BinaryArray>> JsonEncoder::Keys(const Chunk& chunk,
                                                              bool before) {
  ASSIGN_OR_RETURN(Plan* const plan, PlanOf(chunk.schema));
  const arrow::RecordBatch* rows = before ? chunk.before.get() : chunk.rows.get();
  ByteColumn keys;
  const int64_t count = rows ? rows->num_rows() : 0;
  if (plan->has_key && rows) plan->key.Bind(*rows);
  for (int64_t row = 0; row < count; row++) {
    if (!plan->has_key) {
      keys.EndNull();
      continue;
    }
    Write(plan->key, row, &keys);
    keys.End();
  }
  return keys.Finish();
}

}  // namespace leat::json
