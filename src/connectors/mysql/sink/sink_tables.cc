// The tables of MysqlSink: made, followed through changes of their shape, planned.
#include <fmt/format.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/mysql/sink/sink.h"
#include "connectors/mysql/values/column.h"

namespace leat::mysql {
namespace {

constexpr int kAlterTries = 3;
// Another process did the same a moment before: table, column, or no column any more.
constexpr unsigned kDone[] = {1050, 1060, 1054, 1091};

bool IsDone(unsigned number) {
  return std::ranges::find(kDone, number) != std::end(kDone);
}

}  // namespace

Status MysqlSink::Apply(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kSchema: return Follow(event.schema, &event);
    case Event::Kind::kRename:
      context_.log.Warn(
          "a table was renamed; its rows go to the new name's table from "
          "here on",
          {{"from", options_.TableFor(event.table).ToString()},
           {"to", options_.TableFor(event.schema->id).ToString()}});
      return Follow(event.schema, nullptr);
    case Event::Kind::kDrop:
      context_.log.Warn("a table was dropped at the source; the target's stays",
                        {{"table", options_.TableFor(event.table).ToString()}});
      return Status::Ok();
    case Event::Kind::kTruncate:
      return options_.mode == SinkOptions::Mode::kApply ? Truncate(event.table)
                                                        : Status::Ok();
    case Event::Kind::kSnapshotDone:
    case Event::Kind::kStatement: return Status::Ok();
  }
  return Status::Ok();
}

// Records of a topic may get new fields in the midst of a batch. The table cannot be
// altered any more once the transaction has rows of it, and takes rows of the older shape
// as well.
Status MysqlSink::Anticipate(const Batch& batch) {
  for (const Event& event : batch.events) {
    if (event.kind != Event::Kind::kSchema || !event.renamed_from.empty()) continue;
    const bool behind_rows = std::ranges::any_of(batch.chunks, [&](const Chunk& chunk) {
      return chunk.schema->id == event.table && !chunk.seq.empty() &&
             chunk.seq.front() < event.seq;
    });
    if (behind_rows) RETURN_IF_ERROR(Follow(event.schema, &event));
  }
  return Status::Ok();
}

Result<MysqlSink::Plan> MysqlSink::PlanOf(const SchemaRef& source) {
  auto found = plans_.find(source->id);
  if (found == plans_.end() || !SameDeclaration(*found->second->shape.source, *source)) {
    RETURN_IF_ERROR(Follow(source, nullptr));
    found = plans_.find(source->id);
  }
  return found->second;
}

// At the start the source may know a newer shape than that of the rows it will read next:
// a table that is there is left as it is until they come.
Status MysqlSink::Meet(const SchemaRef& source) {
  const TableId id = options_.TableFor(source->id);
  ASSIGN_OR_RETURN(Shape shape, Shape::Make(options_, source));
  ASSIGN_OR_RETURN(Client * control, Control());
  ASSIGN_OR_RETURN(auto target, Load(*control, id));
  if (target && options_.evolve) {
    ASSIGN_OR_RETURN(auto changes,
                     AlterTableSql(*target, nullptr, shape, {}, control->server()));
    if (!changes.empty()) return Status::Ok();
  }
  return Follow(source, nullptr);
}

Status MysqlSink::Follow(const SchemaRef& source, const Event* change) {
  const TableId id = options_.TableFor(source->id);
  const auto known = plans_.find(source->id);
  // A replayed or repeated announcement; what the columns are called may say more.
  if (known != plans_.end() && known->second->target.id == id &&
      SameDeclaration(*known->second->shape.source, *source)) {
    return Status::Ok();
  }
  ASSIGN_OR_RETURN(Shape shape, Shape::Make(options_, source));
  // A connection that holds locks of the epoch must not be asked to wait for them.
  ASSIGN_OR_RETURN(Client * control, Control());
  ASSIGN_OR_RETURN(auto target, Load(*control, id));
  if (!target) {
    RETURN_IF_ERROR(MakeTable(*control, shape, id));
    ASSIGN_OR_RETURN(target, Load(*control, id));
    if (!target) {
      return Status::Config(fmt::format(
          "table {} is not there after its CREATE TABLE: does `ddl` make another?",
          id.ToString()));
    }
  }
  if (options_.evolve) {
    ASSIGN_OR_RETURN(target, Evolve(*control, shape, *std::move(target), change));
  }
  ASSIGN_OR_RETURN(plans_[source->id],
                   TablePlan::Make(options_, shape, *target, control->server()));
  for (auto& writer : writers_) writer->Forget(source->id);
  return Status::Ok();
}

Result<std::optional<TargetTable>> MysqlSink::Load(Client& control, const TableId& id) {
  auto found = referenced_.find(id.database);
  if (found == referenced_.end()) {
    ASSIGN_OR_RETURN(auto names, LoadReferenced(&control, id.database));
    found = referenced_.emplace(id.database, std::move(names)).first;
  }
  ASSIGN_OR_RETURN(auto target, LoadTarget(&control, id));
  if (target && std::ranges::any_of(found->second, [&](const std::string& name) {
        return SameName(name, id.table);
      })) {
    target->foreign_keys = true;
  }
  return target;
}

Status MysqlSink::MakeTable(Client& control, const Shape& shape, const TableId& id) {
  if (!options_.create) {
    return Status::Config(
        fmt::format("there is no table {} at {}; create it, or say `create: auto`",
                    id.ToString(), options_.url.Where()));
  }
  std::string sql = options_.ddl;
  if (sql.empty()) {
    ASSIGN_OR_RETURN(sql, CreateTableSql(id, shape, control.server()));
  } else if (const size_t at = sql.find("{table}"); at != std::string::npos) {
    sql.replace(at, sizeof("{table}") - 1, QuoteTable(id.database, id.table));
  }
  RETURN_IF_ERROR(failpoint::Durable("mysql.ddl.before"));
  const Status made = control.Execute(sql);
  if (!made.ok() && !IsDone(control.last_error())) {
    return made.Within("making table " + id.ToString());
  }
  if (!options_.ddl.empty()) referenced_.clear();  // it may have foreign keys
  context_.log.Info("made a table", {{"table", id.ToString()}});
  return failpoint::Durable("mysql.ddl.after");
}

Result<TargetTable> MysqlSink::Evolve(Client& control, const Shape& shape,
                                      TargetTable target, const Event* change) {
  const auto known = plans_.find(shape.source->id);
  const Shape* before = known == plans_.end() ? nullptr : &known->second->shape;
  const std::vector<std::string> renamed =
      change ? change->renamed_from : std::vector<std::string>();
  for (int tries = 1;; tries++) {
    ASSIGN_OR_RETURN(std::vector<std::string> statements,
                     AlterTableSql(target, before, shape, renamed, control.server()));
    if (statements.empty()) return target;
    if (touched_.contains(target.id)) {
      return Status::Config(fmt::format(
          "table {} has rows in this epoch already and cannot take the shape of {} now; "
          "do what is missing by hand and start again: {}",
          target.id.ToString(), shape.source->id.ToString(), Joined(statements, "; ")));
    }
    for (const std::string& sql : statements) {
      RETURN_IF_ERROR(failpoint::Durable("mysql.ddl.before"));
      const Status done = control.Execute(sql);
      if (!done.ok() && (!IsDone(control.last_error()) || tries == kAlterTries)) {
        return done.Within("following the source's change: " + sql);
      }
      RETURN_IF_ERROR(failpoint::Durable("mysql.ddl.after"));
      if (!done.ok()) break;
      context_.log.Info("followed the source's change", {{"statement", sql}});
    }
    ASSIGN_OR_RETURN(auto now, Load(control, target.id));
    if (!now) return Status::Config("table " + target.id.ToString() + " was dropped");
    target = *std::move(now);
    if (tries == kAlterTries) return target;
  }
}

}  // namespace leat::mysql
