#include "format/debezium/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "format/debezium/columns.h"
#include "format/debezium/schema.h"
#include "format/debezium/schema_change.h"
#include "format/json/text.h"
#include "format/key_columns.h"
#include "format/topic_name.h"

namespace leat::debezium {
namespace {

// topic.prefix: what stands before the first placeholder, without the point.
std::string PrefixOf(const EncoderOptions& options) {
  if (!options.format.debezium.prefix.empty()) return options.format.debezium.prefix;
  std::string prefix = options.topic.substr(0, options.topic.find('{'));
  while (prefix.ends_with('.')) prefix.pop_back();
  return prefix.empty() ? "leat" : prefix;
}

// A UUID of version 7, as Debezium marks each run of a connector.
std::string MakeRunId(int64_t micros) {
  std::random_device random;
  const uint64_t millis = static_cast<uint64_t>(micros / 1000);
  const uint64_t low = uint64_t{random()} << 32 | random();
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", millis >> 16,
                     millis & 0xffff, random() & 0xfff, 0x8000 | (low >> 48 & 0x3fff),
                     low & 0xffffffffffff);
}

std::string Started(bool schemas, const std::string& schema) {
  return schemas ? "{\"schema\":" + schema + ",\"payload\":" : "";
}

}  // namespace

DebeziumEncoder::Plan::Plan(const Chunk& chunk, const DebeziumEncoder& encoder)
    : schema(chunk.schema),
      topic(encoder.TopicFor(chunk.schema->id)),
      connector(ConnectorOf(chunk)),
      table(chunk.schema->id.ToString()),
      source(chunk.schema->id, encoder.prefix_, connector),
      from_meta(chunk.meta != nullptr) {}

DebeziumEncoder::DebeziumEncoder(EncoderOptions options)
    : options_(std::move(options)),
      prefix_(PrefixOf(options_)),
      run_id_(MakeRunId(options_.clock->WallMicros())),
      transactions_(options_.format.debezium.schemas, nullptr) {}

Needs DebeziumEncoder::needs() const {
  Needs needs;
  needs.before = Needs::Before::kFull;
  needs.meta = true;
  needs.statements = options_.format.debezium.schema_changes;
  needs.heartbeat = options_.format.debezium.heartbeat;
  return needs;
}

std::string DebeziumEncoder::TopicFor(const TableId& table) const {
  return TopicName(options_.topic, table);
}

Result<DebeziumEncoder::Plan*> DebeziumEncoder::PlanOf(const Chunk& chunk) {
  const auto found = plans_.find(chunk.schema.get());
  if (found != plans_.end() && (found->second->from_meta || !chunk.meta)) {
    return found->second.get();
  }
  if (plans_.size() >= kMaxPlans) plans_.clear();
  const TableSchema& schema = *chunk.schema;
  const DebeziumOptions& format = options_.format.debezium;
  ASSIGN_OR_RETURN(const std::vector<int> key, KeyColumns(schema, options_.format.key));
  auto plan = std::make_unique<Plan>(chunk, *this);
  std::vector<ConnectColumn> columns;
  std::vector<json::RowField> fields;
  std::vector<json::RowField> snapshot_fields;
  for (size_t i = 0; i < schema.columns.size(); i++) {
    const Column& column = schema.columns[i];
    columns.push_back(
        MapColumn(column, static_cast<int>(i), SourceOptional(chunk, column), format));
    fields.push_back(columns.back().field);
    snapshot_fields.push_back(columns.back().snapshot_field);
  }
  std::vector<ConnectColumn> key_columns;
  std::vector<json::RowField> key_fields;
  for (const int i : key) {
    key_columns.push_back(columns[static_cast<size_t>(i)]);
    key_fields.push_back(fields[static_cast<size_t>(i)]);
  }
  plan->has_key = !key.empty();
  plan->key = plan->old_key = json::RowWriter(std::move(key_fields));
  plan->row = plan->before = json::RowWriter(std::move(fields));
  plan->snapshot_row = json::RowWriter(std::move(snapshot_fields));
  plan->key_start =
      Started(format.schemas, StructSchema(key_columns, plan->topic + ".Key", false, ""));
  plan->value_start =
      Started(format.schemas, EnvelopeSchema(columns, plan->topic, ConnectorOf(chunk))) +
      "{\"before\":";
  plan->end = format.schemas ? "}" : "";
  plan->headers = Headers(*plan, "", "");
  latest_[schema.id] = chunk.schema;
  return (plans_[chunk.schema.get()] = std::move(plan)).get();
}

Status DebeziumEncoder::Encode(const Batch& batch, const TakeRecords& take,
                               std::vector<DeadLetter>* rejects) {
  WriteNotes(batch);
  Now now;
  now.micros = options_.clock->WallMicros();
  now.text = fmt::format(R"(,"ts_ms":{},"ts_us":{},"ts_ns":{}}})", now.micros / 1000,
                         now.micros, now.micros * 1000);
  if (options_.format.debezium.transactions) {
    transactions_.SetBuilder(&writer_.To(prefix_ + ".transaction"));
  }
  RETURN_IF_ERROR(WriteTopics(batch, now, take));
  if (options_.format.debezium.transactions && batch.boundary) transactions_.End();
  return writer_.Flush(take);
}

Status DebeziumEncoder::EncodeNotes(const Batch& batch, const TakeRecords& take) {
  WriteNotes(batch);
  return writer_.Flush(take);
}

void DebeziumEncoder::WriteNotes(const Batch& batch) {
  if (batch.empty()) WriteHeartbeat();
  if (!options_.format.debezium.schema_changes) return;
  for (const Event& event : batch.events) {
    if (IsSchemaChange(event)) WriteSchemaChange(event);
  }
}

// Topic by topic, which needs no merging where a topic has one table; the order of
// transactions goes across them.
Status DebeziumEncoder::WriteTopics(const Batch& batch, const Now& now,
                                    const TakeRecords& take) {
  std::map<std::string, TopicParts> topics;
  const bool whole = options_.format.debezium.transactions;
  for (const Chunk& chunk : batch.chunks) {
    topics[whole ? "" : TopicFor(chunk.schema->id)].chunks.push_back(&chunk);
  }
  for (const Event& event : batch.events) {
    if (event.kind == Event::Kind::kSchema) latest_[event.table] = event.schema;
    if (event.kind != Event::Kind::kTruncate || !options_.format.debezium.truncates) {
      continue;
    }
    topics[whole ? "" : TopicFor(event.table)].events.push_back(&event);
  }
  for (const auto& [topic, parts] : topics) {
    for (const OrderedRows& run : InOrder(parts.chunks, parts.events)) {
      if (run.event) {
        RETURN_IF_ERROR(WriteTruncate(*run.event, now));
      } else {
        RETURN_IF_ERROR(WriteRun(run, now, take));
      }
    }
  }
  return Status::Ok();
}

Status DebeziumEncoder::WriteRun(const OrderedRows& run, const Now& now,
                                 const TakeRecords& take) {
  const Chunk& chunk = *run.chunk;
  ASSIGN_OR_RETURN(Plan* const plan, PlanOf(chunk));
  RecordsBuilder* const to = &writer_.To(plan->topic);
  plan->source.Bind(chunk);
  plan->key.Bind(*chunk.rows);
  plan->row.Bind(*chunk.rows, chunk.meta.get());
  plan->snapshot_row.Bind(*chunk.rows, chunk.meta.get());
  if (chunk.before) {
    plan->old_key.Bind(*chunk.before);
    plan->before.Bind(*chunk.before);
  }
  int64_t update = run.update;
  for (int64_t row = run.begin; row < run.end; row++) {
    const Op op = chunk.ops[static_cast<size_t>(row)];
    if (op == Op::kUpdate && chunk.before) {
      WriteUpdate(chunk, row, update++, plan, now, to);
    } else {
      Sides sides;
      sides.op = op == Op::kDelete   ? 'd'
                 : op == Op::kRead   ? 'r'
                 : op == Op::kUpdate ? 'u'
                                     : 'c';
      (op == Op::kDelete ? sides.before : sides.after) = row;
      sides.before_is_row = true;
      const std::string_view key = KeyText(plan->key, row, &key_);
      WriteMessage(chunk, row, sides, plan, now, key, plan->headers, to);
    }
    RETURN_IF_ERROR(writer_.Cut(to, take));
  }
  return Status::Ok();
}

void DebeziumEncoder::WriteUpdate(const Chunk& chunk, int64_t row, int64_t update,
                                  Plan* plan, const Now& now, RecordsBuilder* to) {
  const std::string_view key = KeyText(plan->key, row, &key_);
  const std::string_view old_key = KeyText(plan->old_key, update, &old_key_);
  if (!plan->has_key || key == old_key) {
    WriteMessage(chunk, row, {update, false, row, 'u'}, plan, now, key, plan->headers,
                 to);
    return;
  }
  WriteMessage(chunk, row, {update, false, -1, 'd'}, plan, now, old_key,
               Headers(*plan, "__debezium.newkey", key), to);
  WriteMessage(chunk, row, {-1, false, row, 'c'}, plan, now, key,
               Headers(*plan, "__debezium.oldkey", old_key), to);
}

std::string_view DebeziumEncoder::KeyText(const json::RowWriter& writer, int64_t row,
                                          std::string* memory) {
  const size_t most = writer.Most(row);
  if (memory->size() < most) memory->resize(most);
  const char* end = writer.Write(row, memory->data());
  return {memory->data(), static_cast<size_t>(end - memory->data())};
}

void DebeziumEncoder::WriteMessage(const Chunk& chunk, int64_t row, const Sides& sides,
                                   Plan* plan, const Now& now, std::string_view key,
                                   std::string_view headers, RecordsBuilder* to) {
  const auto at = static_cast<size_t>(row);
  const int64_t time = at < chunk.time.size() ? chunk.time[at] : now.micros;
  const bool snapshot = sides.op == 'r';
  std::string transaction = "null";
  if (options_.format.debezium.transactions) {
    transactions_.Change(plan->source.Transaction(row), plan->table, time / 1000);
    transaction = transactions_.Block();
  }
  const json::RowWriter& before = sides.before_is_row ? plan->row : plan->before;
  const json::RowWriter& after = snapshot ? plan->snapshot_row : plan->row;
  constexpr size_t kBetween = 128;  // names and op
  size_t most = plan->value_start.size() + plan->source.Most(row) + transaction.size() +
                now.text.size() + plan->end.size() + kBetween;
  if (sides.before >= 0) most += before.Most(sides.before);
  if (sides.after >= 0) most += after.Most(sides.after);
  char* out = to->value().Room(most);
  out = json::WriteText(plan->value_start, out);
  out =
      sides.before >= 0 ? before.Write(sides.before, out) : json::WriteText("null", out);
  out = json::WriteText(",\"after\":", out);
  out = sides.after >= 0 ? after.Write(sides.after, out) : json::WriteText("null", out);
  out = json::WriteText(",\"source\":", out);
  out = plan->source.Write(row, snapshot, time, out);
  out = json::WriteText(",\"transaction\":", out);
  out = json::WriteText(transaction, out);
  out = json::WriteText(",\"op\":\"", out);
  *out++ = sides.op;
  *out++ = '"';
  out = json::WriteText(now.text, out);
  to->value().Wrote(json::WriteText(plan->end, out));
  const auto end = [&](bool value) {
    if (plan->has_key) {
      to->key().Append(plan->key_start);
      to->key().Append(key);
      to->key().Append(plan->end);
    }
    to->End(time / 1000, plan->has_key, value, headers);
  };
  end(true);
  if (sides.op == 'd' && options_.format.debezium.tombstones) end(false);
}

Status DebeziumEncoder::WriteTruncate(const Event& event, const Now& now) {
  const auto latest = latest_.find(event.table);
  Chunk none;
  none.schema = latest == latest_.end() ? event.schema : latest->second;
  if (!none.schema) {
    return Status::Bug("a table was truncated before it was announced: " +
                       event.table.ToString());
  }
  ASSIGN_OR_RETURN(Plan* const plan, PlanOf(none));
  plan->source.Bind(none);
  std::string block(plan->source.Most(0), '\0');
  const char* end = plan->source.Write(0, /*snapshot=*/false, now.micros, block.data());
  block.resize(static_cast<size_t>(end - block.data()));
  RecordsBuilder& to = writer_.To(plan->topic);
  to.value().Append(plan->value_start);
  to.value().Append(
      fmt::format(R"(null,"after":null,"source":{},"transaction":null,"op":"t"{}{})",
                  block, now.text, plan->end));
  to.End(now.micros / 1000, false, true, plan->headers);
  return Status::Ok();
}

void DebeziumEncoder::WriteSchemaChange(const Event& event) {
  Chunk place;  // of the one row that says where the event stands
  place.meta = event.meta;
  const std::string connector = ConnectorOf(place);
  SourceBlock block(event.table, prefix_, connector);
  block.Bind(place);
  std::string source(block.Most(0), '\0');
  const bool snapshot = event.kind == Event::Kind::kSchema && !event.statement.empty();
  const int64_t micros = event.time - event.time % 1000;  // as Debezium has it here
  const char* end = block.Write(0, snapshot, micros, source.data());
  source.resize(static_cast<size_t>(end - source.data()));
  const int64_t millis = options_.clock->WallMicros() / 1000;
  std::string key = SchemaChangeKey(event);
  std::string value = SchemaChangeValue(event, source, millis);
  if (options_.format.debezium.schemas) {
    key = fmt::format(R"({{"schema":{},"payload":{}}})", SchemaChangeKeySchema(connector),
                      key);
    value = fmt::format(R"({{"schema":{},"payload":{}}})",
                        SchemaChangeValueSchema(connector), value);
  }
  writer_.To(prefix_).Add(key, value, millis, Headers(connector));
}

void DebeziumEncoder::WriteHeartbeat() {
  const int64_t millis = options_.clock->WallMicros() / 1000;
  std::string key = fmt::format(R"({{"serverName":{}}})", json::Quoted(prefix_));
  std::string value = fmt::format(R"({{"ts_ms":{}}})", millis);
  if (options_.format.debezium.schemas) {
    key = fmt::format(R"({{"schema":{},"payload":{}}})", HeartbeatKeySchema(), key);
    value = fmt::format(R"({{"schema":{},"payload":{}}})", HeartbeatValueSchema(), value);
  }
  writer_.To("__debezium-heartbeat." + prefix_).Add(key, value, millis);
}

std::vector<Header> DebeziumEncoder::Headers(const std::string& connector) const {
  return {{"__debezium.context.connectorLogicalName", prefix_},
          {"__debezium.context.taskId", "0"},
          {"__debezium.context.connectorName", connector},
          {"__debezium.context.runId", run_id_}};
}

std::string DebeziumEncoder::Headers(const Plan& plan, std::string_view name,
                                     std::string_view key) const {
  std::vector<Header> headers = Headers(plan.connector);
  if (!name.empty()) headers.insert(headers.begin(), {name, key});
  std::string out;
  AppendHeaders(headers, &out);
  return out;
}

Result<std::shared_ptr<arrow::BinaryArray>> DebeziumEncoder::Keys(const Chunk& chunk,
                                                                  bool before) {
  ASSIGN_OR_RETURN(Plan* const plan, PlanOf(chunk));
  const arrow::RecordBatch* rows = before ? chunk.before.get() : chunk.rows.get();
  ByteColumn keys;
  if (rows) plan->key.Bind(*rows);
  for (int64_t row = 0; rows && row < rows->num_rows(); row++) {
    if (!plan->has_key) {
      keys.EndNull();
      continue;
    }
    keys.Append(plan->key_start);
    keys.Append(KeyText(plan->key, row, &key_));
    keys.Append(plan->end);
    keys.End();
  }
  return keys.Finish();
}

}  // namespace leat::debezium
