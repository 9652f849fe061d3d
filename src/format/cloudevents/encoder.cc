#include "format/cloudevents/encoder.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <xxhash.h>

#include "format/json/text.h"
#include "format/key_columns.h"
#include "format/topic_name.h"

namespace leat::cloudevents {
namespace {

json::RowWriter WriterOf(const TableSchema& schema, const std::vector<int>& columns) {
  std::vector<json::RowField> fields;
  for (const int i : columns) {
    const Column& column = schema.columns[static_cast<size_t>(i)];
    json::RowField& field = fields.emplace_back();
    field.name = column.name;
    field.column = i;
    field.form = json::PlainForm(*column.type);
  }
  return json::RowWriter(std::move(fields));
}

std::string_view TextOf(const json::RowWriter& writer, int64_t row, std::string* memory) {
  const size_t most = writer.Most(row);
  if (memory->size() < most) memory->resize(most);
  const char* end = writer.Write(row, memory->data());
  return {memory->data(), static_cast<size_t>(end - memory->data())};
}

// The value of a column of the chunk's meta as text; "" where there is none.
std::string MetaText(const Chunk& chunk, const char* name, int64_t row) {
  const auto column = chunk.meta ? chunk.meta->GetColumnByName(name) : nullptr;
  if (!column || column->IsNull(row)) return {};
  auto value = column->GetScalar(row);
  return value.ok() ? (*value)->ToString() : std::string();
}

// Where the source read the change; "" where it does not say, and of a snapshot's rows,
// which all have one place.
std::string PlaceOf(const Chunk& chunk, int64_t row) {
  if (chunk.ops[static_cast<size_t>(row)] == Op::kRead) return {};
  const std::string offset = MetaText(chunk, "_offset", row);
  if (!offset.empty()) return MetaText(chunk, "_partition", row) + "-" + offset;
  const std::string pos = MetaText(chunk, "_pos", row);
  if (pos.empty()) return {};
  return fmt::format("{}-{}-{}-{}", MetaText(chunk, "_server_id", row),
                     MetaText(chunk, "_file", row), pos, MetaText(chunk, "_row", row));
}

std::string_view KindOf(Op op) {
  switch (op) {
    case Op::kInsert: return "created";
    case Op::kUpdate: return "updated";
    case Op::kDelete: return "deleted";
    case Op::kRead: return "read";
  }
  return "";
}

// 2024-01-02T10:11:12.5Z
std::string TimeText(int64_t micros) {
  std::string text(json::kTimestampMost, '\0');
  const int64_t fraction = ((micros % 1'000'000) + 1'000'000) % 1'000'000;
  char* end = json::WriteTimestamp(micros, json::FractionDigits(fraction), text.data());
  *end++ = 'Z';
  text.resize(static_cast<size_t>(end - text.data()));
  return text;
}

std::string HashId(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) {
    all += fmt::format("{}:", part.size());
    all += part;
  }
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace

std::string CloudEventsEncoder::TopicFor(const TableId& table) const {
  return TopicName(options_.topic, table);
}

Result<CloudEventsEncoder::Plan*> CloudEventsEncoder::PlanOf(const SchemaRef& schema) {
  const auto found = plans_.find(schema.get());
  if (found != plans_.end()) return &found->second;
  if (plans_.size() >= kMaxPlans) plans_.clear();
  Plan plan;
  plan.schema = schema;
  plan.topic = TopicFor(schema->id);
  plan.source = TopicName(options_.format.cloudevents.source, schema->id);
  ASSIGN_OR_RETURN(const std::vector<int> key, KeyColumns(*schema, options_.format.key));
  plan.has_key = !key.empty();
  plan.key = plan.old_key = WriterOf(*schema, key);
  std::vector<int> all(schema->columns.size());
  for (size_t i = 0; i < all.size(); i++) all[i] = static_cast<int>(i);
  plan.row = plan.before = WriterOf(*schema, all);
  return &plans_.emplace(schema.get(), std::move(plan)).first->second;
}

Status CloudEventsEncoder::Encode(const Batch& batch, const TakeRecords& take,
                                  std::vector<DeadLetter>* rejects) {
  std::map<std::string, TopicParts> topics;
  for (const Chunk& chunk : batch.chunks) {
    topics[TopicFor(chunk.schema->id)].chunks.push_back(&chunk);
  }
  for (const auto& [topic, parts] : topics) {
    RecordsBuilder& to = writer_.To(topic);
    for (const OrderedRows& run : InOrder(parts.chunks, {})) {
      ASSIGN_OR_RETURN(Plan* const plan, PlanOf(run.chunk->schema));
      RETURN_IF_ERROR(WriteRun(run, plan, &to, take));
    }
  }
  return writer_.Flush(take);
}

Status CloudEventsEncoder::WriteRun(const OrderedRows& run, Plan* plan,
                                    RecordsBuilder* to, const TakeRecords& take) {
  const Chunk& chunk = *run.chunk;
  plan->key.Bind(*chunk.rows);
  plan->row.Bind(*chunk.rows);
  if (chunk.before) {
    plan->old_key.Bind(*chunk.before);
    plan->before.Bind(*chunk.before);
  }
  int64_t update = run.update;
  for (int64_t row = run.begin; row < run.end; row++) {
    const auto at = static_cast<size_t>(row);
    const Op op = chunk.ops[at];
    Event event;
    event.kind = KindOf(op);
    event.id = PlaceOf(chunk, row);
    event.micros = at < chunk.time.size() ? chunk.time[at] : options_.clock->WallMicros();
    if (plan->has_key) event.key = TextOf(plan->key, row, &key_);
    if (op == Op::kUpdate && chunk.before) {
      const int64_t old = update++;
      const auto old_key = TextOf(plan->old_key, old, &old_key_);
      if (plan->has_key && old_key != event.key) {
        Event gone = event;
        gone.kind = "deleted";
        gone.key = old_key;
        if (!gone.id.empty()) gone.id += "-d";
        gone.data = TextOf(plan->before, old, &data_);
        Write(*plan, std::move(gone), to);
        event.kind = "created";
      }
    }
    event.data = TextOf(plan->row, row, &data_);
    Write(*plan, std::move(event), to);
    RETURN_IF_ERROR(writer_.Cut(to, take));
  }
  return Status::Ok();
}

void CloudEventsEncoder::Write(const Plan& plan, Event event, RecordsBuilder* to) const {
  const std::string time = TimeText(event.micros);
  if (event.id.empty()) {
    event.id = HashId({plan.source, event.kind, time, event.key, event.data});
  }
  const std::string type =
      fmt::format("{}.{}", options_.format.cloudevents.type, event.kind);
  std::vector<std::pair<std::string_view, std::string_view>> attributes = {
      {"specversion", "1.0"},
      {"id", event.id},
      {"source", plan.source},
      {"type", type},
      {"time", time}};
  if (!event.key.empty()) attributes.emplace_back("subject", event.key);
  std::vector<std::string> names;
  std::vector<Header> headers;
  if (options_.format.cloudevents.binary) {
    for (const auto& [name, value] : attributes) {
      names.push_back("ce_" + std::string(name));
    }
    for (size_t i = 0; i < names.size(); i++) {
      headers.push_back({names[i], attributes[i].second});
    }
    headers.push_back({"content-type", "application/json"});
    to->value().Append(event.data);
  } else {
    headers.push_back({"content-type", "application/cloudevents+json; charset=utf-8"});
    std::string text = "{";
    for (const auto& [name, value] : attributes) {
      text += fmt::format("\"{}\":{},", name, json::Quoted(value));
    }
    to->value().Append(text);
    to->value().Append("\"datacontenttype\":\"application/json\",\"data\":");
    to->value().Append(event.data);
    to->value().Append("}");
  }
  to->key().Append(event.key);
  std::string encoded;
  AppendHeaders(headers, &encoded);
  to->End(event.micros / 1000, plan.has_key, /*has_value=*/true, encoded);
}

Result<std::shared_ptr<arrow::BinaryArray>> CloudEventsEncoder::Keys(const Chunk& chunk,
                                                                     bool before) {
  ASSIGN_OR_RETURN(Plan* const plan, PlanOf(chunk.schema));
  const arrow::RecordBatch* rows = before ? chunk.before.get() : chunk.rows.get();
  ByteColumn keys;
  if (rows) plan->key.Bind(*rows);
  for (int64_t row = 0; rows && row < rows->num_rows(); row++) {
    if (plan->has_key) keys.Append(TextOf(plan->key, row, &key_));
    plan->has_key ? keys.End() : keys.EndNull();
  }
  return keys.Finish();
}

}  // namespace leat::cloudevents
