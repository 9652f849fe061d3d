#include "connectors/notify/sink.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/failpoint.h"
#include "core/suggest.h"
#include "format/batch_order.h"
#include "format/json/row_writer.h"
#include "store/store.h"

namespace leat::notify {
namespace {

std::vector<std::string> NamesOf(const TableSchema& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

}  // namespace

NotifySink::NotifySink(SinkOptions options, const Context& context)
    : options_(std::move(options)),
      context_(context),
      ledger_(options_.cooldown, context.clock),
      channel_(options_.target, options_.every, context) {}

Status NotifySink::Open(std::span<const SchemaRef> tables) {
  for (const SchemaRef& table : tables) RETURN_IF_ERROR(CheckColumns(table));
  return ledger_.Open(context_.data.string());
}

Status NotifySink::CheckColumns(const SchemaRef& table) {
  SchemaRef& known = checked_[table->id];
  if (known == table) return Status::Ok();
  for (const auto& [field, text] :
       {std::pair("template", &options_.text), std::pair("key", &options_.key)}) {
    if (!*text) continue;
    for (const std::string& column : (*text)->columns()) {
      if (table->Find(column) >= 0) continue;
      return Status::Config(fmt::format(
          "notify.{} names the column {{{}}}, which {} has not; {}", field, column,
          table->id.ToString(), Suggest(column, NamesOf(*table), "it has")));
    }
  }
  known = table;
  return Status::Ok();
}

Result<Ledger::Rows*> NotifySink::RowsOf(const ShardId& shard) {
  if (Ledger::Rows* const rows = ledger_.Current(shard)) return rows;
  const Owner owner{context_.pipeline, std::to_string(context_.worker), ""};
  ASSIGN_OR_RETURN(const auto range, context_.store->LoadRange(owner, shard));
  return ledger_.Begin(shard, range ? range->to : Position());
}

Status NotifySink::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  for (const Event& event : batch.events) {
    if (event.schema) RETURN_IF_ERROR(CheckColumns(event.schema));
  }
  std::vector<const Chunk*> chunks;
  for (const Chunk& chunk : batch.chunks) {
    RETURN_IF_ERROR(CheckColumns(chunk.schema));
    chunks.push_back(&chunk);
  }
  if (chunks.empty()) return Status::Ok();
  ASSIGN_OR_RETURN(Ledger::Rows* const rows, RowsOf(batch.shard));
  for (const OrderedRows& run : InOrder(chunks, {})) {
    for (int64_t row = run.begin; row < run.end; row++) {
      RETURN_IF_ERROR(Take(rows, batch.shard, *run.chunk, row, rejects));
      rows->number++;
    }
  }
  return Status::Ok();
}

Status NotifySink::Take(Ledger::Rows* rows, const ShardId& shard, const Chunk& chunk,
                        int64_t row, std::vector<DeadLetter>* rejects) {
  std::string json = json::RowText(*chunk.rows, row);
  const std::string table = chunk.schema->id.ToString();
  if (rows->number < rows->done) {
    // A dead letter goes with its epoch, and this epoch is a new one.
    const auto refused = rows->refused.find(rows->number);
    if (refused != rows->refused.end()) {
      rejects->push_back({table, refused->second, {}, std::move(json), 0});
    }
    return Status::Ok();
  }
  if (chunk.ops[static_cast<size_t>(row)] == Op::kDelete) {
    ledger_.Done(rows);
    return Status::Ok();
  }
  Message message{IdOf(shard, *rows), table, "", 0, json};
  ASSIGN_OR_RETURN(const Fate fate, Tell(std::move(message)));
  ledger_.Done(rows);
  if (fate.left_out) return Status::Ok();  // noted with the next one
  if (!fate.refused.empty()) {
    rows->refused[rows->number] = fate.refused;
    rejects->push_back({table, fate.refused, {}, std::move(json), 0});
  }
  RETURN_IF_ERROR(ledger_.Save());
  return failpoint::Durable("notify.noted");
}

Result<NotifySink::Fate> NotifySink::Tell(Message message) {
  const auto values = ValuesOf(message.row);
  if (!values.ok()) return Fate{false, values.status().message()};
  const std::string key = Fill(*values, &message);
  const bool cools = options_.cooldown > Micros(0);
  if (cools && ledger_.LeaveOut(key)) return Fate{true, ""};
  if (cools) message.left_out = ledger_.LeftOut(key);
  if (!message.text.empty()) message.text += LeftOutNote(message.left_out);
  RETURN_IF_ERROR(failpoint::Durable("notify.send.before"));
  ASSIGN_OR_RETURN(std::string refused, channel_.Deliver(message));
  RETURN_IF_ERROR(failpoint::Durable("notify.send.after"));
  if (cools && refused.empty()) ledger_.Told(key);
  return Fate{false, std::move(refused)};
}

std::string NotifySink::Fill(const Values& values, Message* message) const {
  const bool slack = options_.target.slack;
  const auto value = [&](const std::string& column) { return values.at(column); };
  if (options_.text) {
    message->text = options_.text->Fill([&](const std::string& column) {
      return slack ? SlackEscaped(value(column)) : value(column);
    });
  }
  return options_.key ? options_.key->Fill(value) : message->text;
}

std::string NotifySink::IdOf(const ShardId& shard, const Ledger::Rows& rows) const {
  const std::string name =
      fmt::format("{}\n{}\n{}\n{}", context_.pipeline, shard, rows.origin, rows.number);
  const XXH128_hash_t hash = XXH3_128bits(name.data(), name.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Result<Committed> NotifySink::Commit(const Checkpoint& checkpoint) {
  ledger_.Commit(checkpoint);
  RETURN_IF_ERROR(ledger_.Save());
  return Committed{};
}

Status NotifySink::Abort() {
  ledger_.Abort();
  return Status::Ok();
}

}  // namespace leat::notify
