#include "connectors/mysql/snapshot/chunk_reader.h"

#include <fmt/format.h>

namespace leat::mysql {
namespace {

constexpr unsigned kNoSuchTable = 1146;
constexpr unsigned kNoSuchDatabase = 1049;
constexpr unsigned kDefinitionChanged = 1412;
constexpr int kShapeTries = 20;

bool IsGone(unsigned error) { return error == kNoSuchTable || error == kNoSuchDatabase; }

std::string Condition(const ChunkPlan& plan) {
  std::string condition;
  auto add = [&](const std::string& more) {
    condition += (condition.empty() ? " WHERE (" : " AND (") + more + ")";
  };
  if (!plan.lower.empty()) add(plan.key.After(plan.lower));
  if (plan.upper) add(plan.key.UpTo(*plan.upper));
  if (!plan.where.empty()) add(plan.where);
  return condition;
}

std::string From(const CatalogTable& table) {
  std::string from = " FROM " + QuoteTable(table.def.id.database, table.def.id.table);
  if (!table.order.empty()) from += " FORCE INDEX (" + QuoteName(table.index) + ")";
  return from;
}

}  // namespace

std::string ChunkSql(const ChunkPlan& plan) {
  std::string sql = "SELECT ";
  for (size_t i = 0; i < plan.table.def.columns.size(); i++) {
    if (i > 0) sql += ", ";
    sql += SelectExpression(plan.table.def.columns[i]);
  }
  sql += From(plan.table) + Condition(plan);
  if (!plan.key.empty()) sql += " ORDER BY " + plan.key.OrderBy();
  if (plan.limit > 0) sql += fmt::format(" LIMIT {}", plan.limit);
  return sql;
}

// The shape is read while the view's transaction holds the table's metadata lock. When it
// is the one known before the view was opened, nothing changed it in between, so it is
// the shape at the mark; otherwise the view is opened anew.
Result<ChunkReader::Opened> ChunkReader::Open(ChunkPlan* plan,
                                              const CancelToken& cancel) {
  const TableId id = plan->table.def.id;
  Client& client = view_->client();
  for (int i = 0; i < kShapeTries; i++) {
    std::optional<CatalogTable> now;
    Result<LogMark> mark = view_->Open(plan->table, cancel);
    Status pinned = mark.ok() ? Describe(id, &now) : mark.status();
    unsigned error = pinned.ok() ? 0 : client.last_error();
    bool gone = pinned.ok() ? !now : IsGone(error);
    if (!pinned.ok() && !gone && error != kDefinitionChanged) return pinned;
    if (now && now->SameShape(plan->table)) {
      plan->key = ChunkKey(plan->table);
      return Opened{*mark, false};
    }
    RETURN_IF_ERROR(view_->Close());
    if (gone) {
      // Dropped before here, so the statement that did is in front of the log's end.
      ASSIGN_OR_RETURN(LogMark end, view_->LogEnd());
      return Opened{end, true};
    }
    if (now) plan->table = *std::move(now);
  }
  return Status::Transient(fmt::format(
      "table {} was altered again and again while its snapshot was read", id.ToString()));
}

Status ChunkReader::Describe(const TableId& id, std::optional<CatalogTable>* now) {
  Client& client = view_->client();
  Status pinned =
      client.Execute("SELECT 1 FROM " + QuoteTable(id.database, id.table) + " LIMIT 1");
  if (!pinned.ok()) return IsGone(client.last_error()) ? Status::Ok() : pinned;
  ASSIGN_OR_RETURN(*now, DescribeTable(&client, id));
  return Status::Ok();
}

Result<bool> ChunkReader::Pin(ChunkPlan* plan) {
  std::optional<CatalogTable> now;
  RETURN_IF_ERROR(Describe(plan->table.def.id, &now));
  const bool there = now.has_value();
  if (there) plan->table = *std::move(now);
  plan->table.order.clear();  // the order of the rows does not matter
  return there;
}

Result<std::optional<KeyValues>> ChunkReader::Boundary(const ChunkPlan& plan, int64_t n) {
  ASSIGN_OR_RETURN(Rows rows,
                   view_->client().Query(fmt::format(
                       "SELECT {}{}{} ORDER BY {} LIMIT {}, 1", plan.key.SelectList(),
                       From(plan.table), Condition(plan), plan.key.OrderBy(), n - 1)));
  if (rows.empty()) return std::optional<KeyValues>();
  KeyValues key;
  for (std::optional<std::string>& value : rows[0]) key.push_back(value.value_or(""));
  RETURN_IF_ERROR(plan.key.Check(key));
  return std::optional<KeyValues>(std::move(key));
}

Status ChunkReader::Prepare(const CatalogTable& table) {
  if (decoder_ && prepared_ == table.def) return Status::Ok();
  ASSIGN_OR_RETURN(SchemaRef schema, MakeSchema(table.def));
  prepared_ = table.def;
  decoder_ = std::make_unique<TextDecoder>(table.def, values_);
  builder_ = std::make_unique<TableBuilder>(std::move(schema));
  return Status::Ok();
}

Result<std::optional<ChunkPiece>> ChunkReader::NextPiece(const ChunkPlan& plan,
                                                         Outcome* outcome) {
  Client& client = view_->client();
  const unsigned columns = client.row_columns();
  ChunkPiece piece;
  DeadLetter reject;
  int64_t bytes = 0;
  bool any = false;
  while (bytes < batch_bytes_) {
    const unsigned long* lengths = nullptr;
    ASSIGN_OR_RETURN(char** row, client.NextRow(&lengths));
    if (!row) break;
    any = true;
    outcome->rows++;
    Result<bool> good = decoder_->Append(row, lengths, builder_.get(), &reject);
    if (!good.ok()) return good.status();
    outcome->last_rejected = !*good;
    if (!*good) piece.rejects.push_back(std::move(reject));
    for (unsigned i = 0; i < columns; i++) bytes += static_cast<int64_t>(lengths[i]);
    bytes += columns * 4;
  }
  if (!any) return std::optional<ChunkPiece>();
  piece.bytes = bytes;
  ASSIGN_OR_RETURN(piece.rows, builder_->Finish());
  if (!plan.key.empty() && piece.rows->num_rows() > 0) {
    ASSIGN_OR_RETURN(piece.last, plan.key.Of(*piece.rows, piece.rows->num_rows() - 1));
    outcome->last = piece.last;
  }
  return std::optional<ChunkPiece>(std::move(piece));
}

Result<ChunkReader::Outcome> ChunkReader::Read(
    const ChunkPlan& plan, const std::function<bool(ChunkPiece)>& take) {
  RETURN_IF_ERROR(Prepare(plan.table));
  Client& client = view_->client();
  Status started = client.StartRows(ChunkSql(plan));
  if (!started.ok()) {
    return started.Within("reading " + plan.table.def.id.ToString());
  }
  if (client.row_columns() != plan.table.def.columns.size()) {
    return Status::Bug("a chunk's rows have another number of columns than its table");
  }
  Outcome outcome;
  for (;;) {
    Result<std::optional<ChunkPiece>> piece = NextPiece(plan, &outcome);
    if (!piece.ok()) {
      return piece.status().Within("reading " + plan.table.def.id.ToString());
    }
    if (!*piece) break;
    if (!take(**std::move(piece))) {
      outcome.stopped = true;
      return outcome;
    }
  }
  RETURN_IF_ERROR(client.EndRows());
  return outcome;
}

}  // namespace leat::mysql
