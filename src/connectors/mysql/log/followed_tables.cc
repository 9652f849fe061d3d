#include "connectors/mysql/log/followed_tables.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "base/text.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/log/conversion.h"
#include "connectors/mysql/log/table_map.h"
#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

constexpr std::string_view kCreated = "CREATE";
constexpr std::string_view kAltered = "ALTER";

constexpr std::string_view kMinimalWayOut =
    "take a new snapshot: drop the tables in the target, remove the pipeline's data "
    "folder and start it again. So that it does not happen again run SET GLOBAL "
    "binlog_row_metadata=FULL and remove `metadata: minimal`";

// What a statement that drops or renames several tables does to this one.
std::string PartOf(const Statement& statement, const TableChange& change,
                   std::string_view text) {
  const auto quoted = [](const TableId& id) { return QuoteTable(id.database, id.table); };
  if (change.kind == TableChange::Kind::kDrop) {
    return "DROP TABLE " + quoted(change.table);
  }
  const auto renames = std::ranges::count(statement.changes, TableChange::Kind::kRename,
                                          &TableChange::kind);
  if (change.kind != TableChange::Kind::kRename || renames == 1) return std::string(text);
  return fmt::format("RENAME TABLE {} TO {}", quoted(change.table), quoted(change.to));
}

}  // namespace

std::string Fingerprint(const TableDef& table) {
  std::string text;
  for (const ColumnDef& c : table.columns) {
    text += fmt::format("{}\n{}\n{}{}\n", c.name, c.source_type, c.nullable,
                        c.charset ? c.charset->name() : "");
  }
  text += Joined(table.key, ",");
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

FollowedTables::FollowedTables(FollowOptions options,
                               std::map<TableId, LogPosition> floors, Pending pending,
                               Logger* log)
    : options_(std::move(options)),
      floors_(std::move(floors)),
      pending_(std::move(pending)),
      log_(log) {}

std::optional<FollowedTables::Table*> FollowedTables::Find(uint64_t id) {
  if (recent_ != nullptr && recent_->first == id) return recent_->second.table;
  auto found = ids_.find(id);
  if (found == ids_.end()) return std::nullopt;
  recent_ = &*found;
  return found->second.table;
}

FollowedTables::Table* FollowedTables::FindTable(const TableId& id) {
  for (const auto& table : tables_) {
    if (table->id == id) return table.get();
  }
  return nullptr;
}

Result<bool> FollowedTables::OnTableMap(std::string_view body, const RowContext& context,
                                        std::vector<Event>* events) {
  if (recent_ != nullptr && recent_->second.map == body) return true;
  ASSIGN_OR_RETURN(TableMapName name, PeekTableMap(body));
  auto known = ids_.find(name.id);
  if (known != ids_.end() && known->second.map == body) {
    recent_ = &*known;
    return true;
  }
  TableId id{std::string(name.database), "", std::string(name.table)};
  if (!options_.follows(id)) {
    ids_[name.id] = {std::string(body), nullptr};
    return true;
  }
  ASSIGN_OR_RETURN(TableDef def, DefOf(body));
  Table* table = FindTable(id);
  const bool reshaped = pending_.reshaped.contains(id.ToString());
  if (table == nullptr || table->def != def || reshaped) {
    if (table != nullptr && table->stream->rows() > 0) return false;
    ASSIGN_OR_RETURN(SchemaRef schema, MakeSchema(def));
    if (table == nullptr) {
      tables_.push_back(std::make_unique<Table>());
      table = tables_.back().get();
      table->id = id;
      if (auto floor = floors_.find(id); floor != floors_.end()) {
        table->floor = floor->second;
      }
    }
    bool same = table->schema && SameDeclaration(*table->schema, *schema) &&
                !pending_.renames.contains(id.ToString()) && !reshaped;
    if (pending_.dropped.contains(id.ToString())) Truncate(id, "", events);
    if (!same) RETURN_IF_ERROR(Announce(table, schema, def, context, events));
    table->stream = std::make_unique<TableStream>(def, table->schema, options_.values,
                                                  options_.needs, options_.flavor);
    table->def = std::move(def);
  }
  ids_[name.id] = {std::string(body), table};
  return true;
}

Result<TableDef> FollowedTables::DefOf(std::string_view body) {
  ASSIGN_OR_RETURN(TableMap map, ParseTableMap(body, options_.flavor,
                                               /*need_full=*/!options_.minimal_metadata));
  bool native =
      std::any_of(map.table.columns.begin(), map.table.columns.end(),
                  [&](const ColumnDef& c) { return MayBeNative(c, options_.flavor); });
  if (map.full && !native) return std::move(map.table);
  ASSIGN_OR_RETURN(auto described, options_.describe(map.table.id));
  if (map.full) {
    if (described) AdoptNativeTypes(*described, &map.table);
    return std::move(map.table);
  }
  if (!described) {
    return Status::Config(fmt::format(
        "the log has rows of {}, which no longer exists, and no metadata to read them "
        "by; run SET GLOBAL binlog_row_metadata=FULL and take a new snapshot",
        map.table.id.ToString()));
  }
  RETURN_IF_ERROR(CheckShape(*described));
  RETURN_IF_ERROR(DescribeFrom(*described, &map));
  return std::move(map.table);
}

// information_schema has the shape of now; the rows at hand may be older than a statement
// that changed it, which stands further on in the log.
Status FollowedTables::CheckShape(const TableDef& described) {
  std::string now = Fingerprint(described);
  auto [known, added] = pending_.shapes.try_emplace(described.id.ToString(), now);
  if (known->second == now) return Status::Ok();
  return Status::Config(fmt::format(
      "with `metadata: minimal` a followed table must not change while it is read, but "
      "{} has another definition now than the rows in the log; {}",
      described.id.ToString(), kMinimalWayOut));
}

Status FollowedTables::Announce(Table* table, SchemaRef schema, const TableDef& def,
                                const RowContext& context, std::vector<Event>* events) {
  Event event;
  event.kind = Event::Kind::kSchema;
  event.table = table->id;
  event.schema = schema;
  event.renamed_from = TakeRenames(*schema);
  event.change = TakeChange(table->id);
  if (event.change != Event::Change::kNone) {
    ASSIGN_OR_RETURN(event.meta, DefinitionMeta(def, options_.flavor, context));
    event.time = context.time;
  }
  table->schema = std::move(schema);
  events->push_back(std::move(event));
  return Status::Ok();
}

Event::Change FollowedTables::TakeChange(const TableId& id) {
  const auto node = pending_.reshaped.extract(id.ToString());
  if (node.empty()) return Event::Change::kNone;
  return node.mapped() == kCreated ? Event::Change::kCreate : Event::Change::kAlter;
}

std::vector<std::string> FollowedTables::TakeRenames(const TableSchema& schema) {
  std::vector<std::string> names;
  auto renamed = pending_.renames.extract(schema.id.ToString());
  if (renamed.empty()) return names;
  const Table* table = FindTable(schema.id);
  for (const Column& column : schema.columns) {
    auto from = renamed.mapped().find(column.name);
    bool is_new = table && table->schema && table->schema->Find(column.name) < 0;
    names.push_back(from != renamed.mapped().end() ? from->second
                    : is_new                       ? std::string()
                                                   : column.name);
  }
  return names;
}

void FollowedTables::Restart(Pending pending) {
  ForgetIds();
  tables_.clear();
  pending_ = std::move(pending);
}

bool FollowedTables::Concerns(const Statement& statement) const {
  return std::any_of(
      statement.changes.begin(), statement.changes.end(), [&](const TableChange& change) {
        if (change.kind == TableChange::Kind::kCreate) {
          return pending_.dropped.contains(change.table.ToString());
        }
        if (change.kind == TableChange::Kind::kDropDatabase) {
          return std::any_of(tables_.begin(), tables_.end(), [&](const auto& table) {
            return table->id.database == change.table.database;
          });
        }
        return options_.follows(change.table) ||
               (change.kind == TableChange::Kind::kRename && options_.follows(change.to));
      });
}

Status FollowedTables::OnDefinition(const Statement& statement, std::string_view text,
                                    std::vector<Event>* events) {
  if (!Concerns(statement)) return Status::Ok();
  bool shape_stays = std::all_of(
      statement.changes.begin(), statement.changes.end(),
      [](const TableChange& c) { return c.kind == TableChange::Kind::kTruncate; });
  if (options_.minimal_metadata && !shape_stays) {
    return Status::Config(fmt::format(
        "with `metadata: minimal` a followed table must not change while it is read, and "
        "this statement changes one: {}; {}",
        text, kMinimalWayOut));
  }
  for (const TableChange& change : statement.changes) {
    switch (change.kind) {
      case TableChange::Kind::kTruncate:
        if (options_.follows(change.table)) Truncate(change.table, text, events);
        break;
      case TableChange::Kind::kDrop:
        if (options_.follows(change.table)) Drop(change.table, text, events);
        break;
      case TableChange::Kind::kDropDatabase: {
        std::vector<TableId> gone;
        for (const auto& table : tables_) {
          if (table->id.database == change.table.database) gone.push_back(table->id);
        }
        for (const TableId& id : gone) Drop(id, text, events);
        break;
      }
      case TableChange::Kind::kRename:
        RenameTable(change, statement, text, events);
        break;
      case TableChange::Kind::kAlter:
        if (options_.follows(change.table)) RETURN_IF_ERROR(Alter(change, text));
        break;
      case TableChange::Kind::kRewrite:
        if (options_.follows(change.table)) Rewrite(change, text, events);
        break;
      case TableChange::Kind::kCreate:
        if (pending_.dropped.contains(change.table.ToString())) {
          Truncate(change.table, text, events);
        }
        break;
    }
  }
  return Status::Ok();
}

Result<bool> FollowedTables::Tell(const Statement& statement, std::string_view text,
                                  const RowContext& context, std::vector<Event>* events) {
  using Kind = TableChange::Kind;
  using Change = Event::Change;
  std::vector<Event> told;
  for (const TableChange& change : statement.changes) {
    const bool rename = change.kind == Kind::kRename;
    const TableId& table = rename ? change.to : change.table;
    const bool database =
        change.kind == Kind::kDropDatabase &&
        std::ranges::any_of(tables_, [&](const std::unique_ptr<Table>& known) {
          return known->id.database == table.database;
        });
    if (change.kind == Kind::kTruncate || change.kind == Kind::kRewrite) continue;
    if (!database && !Follows(table) && !Follows(change.table)) continue;
    // Of ALTER ... RENAME and CREATE OR REPLACE the latter half counts.
    if (told.empty() || told.back().table != change.table) told.emplace_back();
    Event& event = told.back();
    event.kind = Event::Kind::kStatement;
    event.table = table;
    event.statement = PartOf(statement, change, text);
    event.change = database                       ? Change::kNone
                   : change.kind == Kind::kCreate ? Change::kCreate
                   : change.kind == Kind::kDrop   ? Change::kDrop
                                                  : Change::kAlter;
    event.time = context.time;
    ASSIGN_OR_RETURN(event.meta, DefinitionMeta({}, options_.flavor, context));
    if (!database) NoteChange(table, change.table, event.change);
  }
  for (Event& event : told) events->push_back(std::move(event));
  return !told.empty();
}

// The next table map of the table is looked at anew: it tells the shape.
void FollowedTables::NoteChange(const TableId& table, const TableId& from,
                                Event::Change change) {
  const auto before = pending_.reshaped.extract(from.ToString());
  const bool created = change == Event::Change::kCreate ||
                       (!before.empty() && before.mapped() == kCreated);
  if (change == Event::Change::kDrop || !Follows(table)) return;
  pending_.reshaped[table.ToString()] = created ? kCreated : kAltered;
  recent_ = nullptr;
  std::erase_if(ids_, [&](const auto& id) {
    return id.second.table != nullptr && id.second.table->id == table;
  });
}

void FollowedTables::Truncate(const TableId& id, std::string_view text,
                              std::vector<Event>* events) {
  pending_.dropped.erase(id.ToString());
  Event event;
  event.kind = Event::Kind::kTruncate;
  event.table = id;
  event.statement = text;
  events->push_back(std::move(event));
}

void FollowedTables::Drop(const TableId& id, std::string_view text,
                          std::vector<Event>* events) {
  Event event;
  event.kind = Event::Kind::kDrop;
  event.table = id;
  event.statement = text;
  events->push_back(std::move(event));
  pending_.renames.erase(id.ToString());
  pending_.dropped.insert(id.ToString());
  if (Table* table = FindTable(id)) Forget(table);
}

void FollowedTables::Forget(Table* table) {
  recent_ = nullptr;
  std::erase_if(ids_, [&](const auto& id) { return id.second.table == table; });
  std::erase_if(tables_, [&](const auto& owned) { return owned.get() == table; });
}

// Tools that change a table's shape without locking it build a copy and swap the two:
// RENAME TABLE t TO _old, _new TO t. The name keeps its table in the sink then, and gets
// the copy's rows from a snapshot.
void FollowedTables::RenameTable(const TableChange& change, const Statement& statement,
                                 std::string_view text, std::vector<Event>* events) {
  bool from = options_.follows(change.table);
  bool to = options_.follows(change.to);
  if (from && to) {
    Table* table = FindTable(change.table);
    Event event;
    event.kind = Event::Kind::kRename;
    event.table = change.table;
    event.statement = text;
    event.schema =
        table ? TableSchema::Make(change.to, table->schema->columns, table->schema->key)
              : TableSchema::Make(change.to, {}, {});
    events->push_back(std::move(event));
    if (auto node = pending_.renames.extract(change.table.ToString()); !node.empty()) {
      node.key() = change.to.ToString();
      pending_.renames.insert(std::move(node));
    }
    if (table != nullptr) Forget(table);
    return;
  }
  auto renamed = [&](const TableId& name, bool to_it) {
    return std::any_of(statement.changes.begin(), statement.changes.end(),
                       [&](const TableChange& other) {
                         return other.kind == TableChange::Kind::kRename &&
                                (to_it ? other.to : other.table) == name;
                       });
  };
  if (from && !renamed(change.table, /*to_it=*/true)) Drop(change.table, text, events);
  if (!to) return;
  if (renamed(change.to, /*to_it=*/false) ||
      pending_.dropped.contains(change.to.ToString())) {
    Truncate(change.to, text, events);
  }
  requests_.push_back({change.to, false, false, std::string(text)});
}

Status FollowedTables::Alter(const TableChange& change, std::string_view text) {
  RenameColumns(change);
  bool refresh = change.fills;
  if (!refresh && !change.definitions.empty()) {
    ASSIGN_OR_RETURN(refresh, Converts(change));
  }
  if (refresh) requests_.push_back({change.table, true, false, std::string(text)});
  return Status::Ok();
}

// A column whose old definition was not seen may have been anything.
Result<bool> FollowedTables::Converts(const TableChange& change) {
  Table* table = FindTable(change.table);
  if (table == nullptr) return true;
  ASSIGN_OR_RETURN(std::optional<TableDef> described, options_.describe(change.table));
  auto find = [](const TableDef& def, const std::string& name) {
    auto at = std::find_if(def.columns.begin(), def.columns.end(),
                           [&](const ColumnDef& c) { return c.name == name; });
    return at == def.columns.end() ? nullptr : &*at;
  };
  auto renamed = pending_.renames.find(change.table.ToString());
  for (const auto& [name, definition] : change.definitions) {
    std::string old = name;
    if (renamed != pending_.renames.end()) {
      if (auto from = renamed->second.find(name); from != renamed->second.end()) {
        old = from->second;
      }
    }
    const ColumnDef* was = find(table->def, old);
    const ColumnDef* now = described ? find(*described, name) : nullptr;
    if (was == nullptr || !KeepsValues(*was, definition, now)) return true;
  }
  return false;
}

// Which rows left or came nobody can tell from the log: the table is read anew.
void FollowedTables::Rewrite(const TableChange& change, std::string_view text,
                             std::vector<Event>* events) {
  if (!change.came && options_.keep_left_rows) {
    log_->Warn("rows left a table without the log having them; the target keeps them",
               {{"table", change.table.ToString()}, {"statement", text}});
    return;
  }
  Truncate(change.table, text, events);
  requests_.push_back({change.table, false, /*must=*/true, std::string(text)});
}

// Composes with what is pending: a -> b, then b -> c, is a -> c.
void FollowedTables::RenameColumns(const TableChange& change) {
  if (change.columns.empty()) return;
  auto& pending = pending_.renames[change.table.ToString()];
  std::map<std::string, std::string> before = pending;
  for (const auto& [name, from] : change.columns) pending.erase(from);
  for (const auto& [name, from] : change.columns) {
    auto older = before.find(from);
    std::string first = from.empty() || older == before.end() ? from : older->second;
    if (first == name) {
      pending.erase(name);
    } else {
      pending[name] = first;
    }
  }
  if (pending.empty()) pending_.renames.erase(change.table.ToString());
}

Status FollowedTables::Finish(std::vector<Chunk>* chunks) {
  for (const auto& table : tables_) {
    if (!table->stream || table->stream->rows() == 0) continue;
    ASSIGN_OR_RETURN(Chunk chunk, table->stream->Finish());
    chunks->push_back(std::move(chunk));
  }
  return Status::Ok();
}

int64_t FollowedTables::zero_dates() const {
  int64_t count = 0;
  for (const auto& table : tables_) {
    if (table->stream) count += table->stream->zero_dates();
  }
  return count;
}

}  // namespace leat::mysql
