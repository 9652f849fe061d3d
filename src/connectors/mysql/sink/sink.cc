#include "connectors/mysql/sink/sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/retry.h"
#include "connectors/mysql/sink/write_order.h"
#include "format/json/row_writer.h"

namespace leat::mysql {
namespace {

constexpr int64_t kMostKept = int64_t{32} << 20;
constexpr int kConflictTries = 6;
// Who claims or looks has better to do than to wait: see CommitTable::Claim.
constexpr int kControlLockWait = 1;

}  // namespace

MysqlSink::MysqlSink(SinkOptions options, const Context& context)
    : options_(std::move(options)),
      context_(context),
      commits_(context.pipeline, options_.url.database, options_.workers),
      control_(options_, options_.workers + 1, kControlLockWait),
      tokens_(options_, options_.workers) {
  for (int i = 0; i < options_.workers; i++) {
    writers_.push_back(std::make_unique<Writer>(options_, i));
  }
}

MysqlSink::~MysqlSink() = default;

Needs MysqlSink::needs() const {
  Needs needs;
  if (options_.mode == SinkOptions::Mode::kApply) needs.before = Needs::Before::kKey;
  return needs;
}

Status MysqlSink::Open(std::span<const SchemaRef> tables) {
  ASSIGN_OR_RETURN(Client * control, Control());
  RETURN_IF_ERROR(commits_.Create(*control));
  for (const SchemaRef& table : tables) RETURN_IF_ERROR(Meet(table));
  return Status::Ok();
}

Result<ShardTokens> MysqlSink::GetTokens(std::span<const ShardId> shards,
                                         std::span<const SinkTable> tables,
                                         const Claim& claim) {
  if (!claim.empty() && claim.attempt != owner_) {
    // Connections go by their owner's name.
    Disconnect();
    owner_ = claim.attempt;
    shards_.clear();
  }
  ASSIGN_OR_RETURN(Client * control, Control());
  ShardTokens tokens;
  if (std::ranges::find(tables, CommitTable::kName) == tables.end()) return tokens;
  for (const ShardId& shard : shards) {
    ASSIGN_OR_RETURN(auto token, claim.empty()
                                     ? commits_.Read(*control, shard)
                                     : commits_.Claim(*control, shard, claim.attempt));
    if (!claim.empty()) shards_.insert(shard);
    if (token) tokens[shard][CommitTable::kName] = *std::move(token);
  }
  return tokens;
}

Status MysqlSink::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  std::vector<DeadLetter> mine;
  Status written = WriteOnce(batch, &mine);
  Backoff backoff(Millis(20), Millis(500), branches_ + 1);
  for (int tries = 1; !written.ok() && replayable_ && tries < kConflictTries; tries++) {
    const bool conflict = std::ranges::any_of(
        writers_, [](const auto& writer) { return writer->conflict(); });
    if (!conflict) break;
    context_.log.Warn("rows of the target are locked by others; writing the epoch again",
                      {{"pipeline", context_.pipeline}, {"error", written.message()}});
    Rollback();
    if (context_.clock.Sleep(backoff.Next(), context_.cancel)) {
      return Status::Cancelled("stopped while rows were locked by others");
    }
    mine.clear();
    // Should the workers have locked each other's rows, one of them writes alone.
    alone_ = tries > 1;
    written = Replay();
    if (written.ok()) written = WriteOnce(batch, &mine);
  }
  if (!written.ok()) return Explain(written);
  Keep(batch, mine.size());
  staged_bytes_ += batch.bytes;
  std::ranges::move(mine, std::back_inserter(*rejects));
  return Status::Ok();
}

void MysqlSink::Keep(const Batch& batch, size_t rejects) {
  kept_bytes_ += batch.bytes;
  if (kept_bytes_ > kMostKept) replayable_ = false;
  if (replayable_) {
    kept_.push_back({batch, rejects});
  } else {
    kept_.clear();
  }
}

Status MysqlSink::Replay() {
  for (const Kept& kept : kept_) {
    std::vector<DeadLetter> again;
    RETURN_IF_ERROR(WriteOnce(kept.batch, &again));
    // Those were answered when the batch came.
    if (again.size() != kept.rejects) {
      return Status::Transient(
          "rows that were refused before a deadlock are not those refused after it; "
          "reading the epoch again");
    }
  }
  return Status::Ok();
}

Status MysqlSink::WriteOnce(const Batch& batch, std::vector<DeadLetter>* rejects) {
  RETURN_IF_ERROR(Anticipate(batch));
  WriteOrder order(batch);
  for (const Event& event : batch.events) {
    RETURN_IF_ERROR(WriteRows(order.Take(event.seq), rejects));
    RETURN_IF_ERROR(Apply(event));
  }
  return WriteRows(order.Take(UINT64_MAX), rejects);
}

Status MysqlSink::WriteRows(const std::vector<ChunkRows>& rows,
                            std::vector<DeadLetter>* rejects) {
  if (rows.empty()) return Status::Ok();
  RETURN_IF_ERROR(Begin());
  std::vector<ChunkRows> ordered;
  std::map<TableId, std::unique_ptr<TableChanges>> changes;
  for (const ChunkRows& some : rows) {
    const auto& absent = some.chunk->absent;
    if (std::ranges::any_of(absent,
                            [](const auto& bitmap) { return bitmap != nullptr; })) {
      return Status::Config(
          "the source leaves out values that did not change, which the mysql sink cannot "
          "fill in; let it send whole rows (REPLICA IDENTITY FULL)");
    }
    ASSIGN_OR_RETURN(Plan plan, PlanOf(some.chunk->schema));
    touched_.insert(plan->target.id);
    if (plan->ordered) {
      ordered.push_back(some);
      continue;
    }
    auto& table = changes[some.chunk->schema->id];
    if (!table) {
      // One writer writes in order whatever the target takes for one key.
      table = std::make_unique<TableChanges>(plan, options_.mode,
                                             alone_ ? 1 : options_.workers);
    }
    table->Add(some);
  }
  for (auto& [id, table] : changes) RETURN_IF_ERROR(WriteLanes(*table, rejects));
  return WriteInOrder(ordered, rejects);
}

// Foreign keys tie tables together: runs of rows of one table, one after the other.
Status MysqlSink::WriteInOrder(const std::vector<ChunkRows>& rows,
                               std::vector<DeadLetter>* rejects) {
  for (const ChunkRows& run : InOrder(rows)) {
    ASSIGN_OR_RETURN(Plan plan, PlanOf(run.chunk->schema));
    TableChanges changes(plan, options_.mode, 1);
    changes.Add(run);
    RETURN_IF_ERROR(WriteLanes(changes, rejects));
  }
  return Status::Ok();
}

Status MysqlSink::WriteLanes(TableChanges& changes, std::vector<DeadLetter>* rejects) {
  const Plan& plan = changes.plan();
  const auto letter = [&](const RowRef& row, std::string reason) {
    DeadLetter out;
    out.table = plan->shape.source->id.ToString();
    out.reason = std::move(reason);
    out.row = json::RowText(*changes.batches()[row.batch], row.row);
    return out;
  };
  for (const RowRef& row : changes.without_key()) {
    rejects->push_back(letter(row, "a column of the key is NULL"));
  }
  const std::vector<TableChanges::Lane> lanes = changes.Finish();
  std::vector<std::vector<DeadLetter>> refused(lanes.size());
  std::vector<Status> results(lanes.size());
  const auto run = [&](size_t lane) -> Status {
    Writer& writer = *writers_[lane];
    RETURN_IF_ERROR(BeginWriter(writer));
    for (const TableChanges::Step& step : lanes[lane]) {
      RETURN_IF_ERROR(writer.Write(plan, step.change, changes.batches(), step.rows,
                                   [&](const RowRef& row, std::string reason) {
                                     refused[lane].push_back(
                                         letter(row, std::move(reason)));
                                   }));
    }
    return Status::Ok();
  };
  const auto has_rows = [&](size_t lane) {
    return std::ranges::any_of(lanes[lane],
                               [](const auto& s) { return !s.rows.empty(); });
  };
  std::vector<std::thread> threads;
  for (size_t lane = 1; lane < lanes.size(); lane++) {
    if (!has_rows(lane)) continue;
    threads.emplace_back([&, lane] { results[lane] = run(lane); });
  }
  if (has_rows(0)) results[0] = run(0);
  for (std::thread& thread : threads) thread.join();
  for (const Status& result : results) RETURN_IF_ERROR(result);
  for (auto& some : refused) std::ranges::move(some, std::back_inserter(*rejects));
  return Status::Ok();
}

Status MysqlSink::Truncate(const TableId& table) {
  const auto found = plans_.find(table);
  if (found == plans_.end()) {
    return Status::Bug("a table was truncated before it was announced: " +
                       table.ToString());
  }
  RETURN_IF_ERROR(Begin());
  RETURN_IF_ERROR(BeginWriter(*writers_.front()));
  // It locks what the others would write from here on.
  alone_ = true;
  touched_.insert(found->second->target.id);
  return writers_.front()->Clear(*found->second);
}

}  // namespace leat::mysql
