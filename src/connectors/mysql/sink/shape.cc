#include "connectors/mysql/sink/shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "connectors/mysql/values/text_decoder.h"

namespace leat::mysql {
namespace {

// Rows are 65535 bytes at most, without what texts and blobs keep elsewhere.
constexpr int64_t kMostRowBytes = 60'000;

struct NewColumn {
  std::string name;
  std::string type;
  bool nullable = true;
  bool key = false;
};

// Bytes that a column takes of the row's 65535 and need not.
int64_t MovableBytes(const NewColumn& column) {
  const size_t open = column.type.find('(');
  const std::string_view base = std::string_view(column.type).substr(0, open);
  const int64_t bytes = base == "varchar" || base == "char" ? 4 : base == "varbinary";
  return column.key || bytes == 0 ? 0 : bytes * std::atoll(&column.type[open + 1]);
}

// Turns the longest texts into such that are kept elsewhere, until a row fits.
void ShrinkRow(std::vector<NewColumn>* columns) {
  for (;;) {
    int64_t bytes = 0;
    for (const NewColumn& c : *columns) bytes += MovableBytes(c) + 12;
    if (bytes <= kMostRowBytes) return;
    auto longest = std::ranges::max_element(*columns, {}, MovableBytes);
    if (MovableBytes(*longest) == 0) return;
    longest->type = longest->type.starts_with("varbinary") ? "mediumblob" : "mediumtext";
  }
}

std::string ColumnSql(const NewColumn& column) {
  std::string sql = QuoteName(column.name) + ' ' + column.type;
  sql += column.nullable ? " NULL" : " NOT NULL";
  // Some servers give the first such column the time of the row's last change otherwise.
  if (!column.nullable && column.type.starts_with("timestamp")) {
    sql += " DEFAULT '1970-01-01 00:00:01'";
  }
  return sql;
}

bool IsKey(const Shape& shape, size_t column) {
  return std::ranges::find(shape.key, static_cast<int>(column)) != shape.key.end();
}

int FindName(const Shape& shape, std::string_view name) {
  for (size_t i = 0; i < shape.names.size(); i++) {
    if (SameName(shape.names[i], name)) return static_cast<int>(i);
  }
  return -1;
}

// Plans the changes of one table; each adds a clause.
class Alteration {
 public:
  Alteration(const TargetTable& target, const Shape* before, const Shape& now,
             const std::vector<std::string>& renamed_from, const ServerInfo& server)
      : target_(target),
        before_(before),
        now_(now),
        renamed_from_(renamed_from),
        server_(server) {}

  Result<std::vector<std::string>> Run() {
    for (size_t i = 0; i < now_.names.size(); i++) RETURN_IF_ERROR(Column(i));
    for (const TargetColumn& column : target_.columns) Free(column);
    std::vector<std::string> statements;
    for (const std::string& clause : clauses_) {
      statements.push_back(fmt::format("ALTER TABLE {} {}",
                                       QuoteTable(target_.id.database, target_.id.table),
                                       clause));
    }
    return statements;
  }

 private:
  // The target's column that had the values of column `i` before, by another name.
  const TargetColumn* OldName(size_t i) const {
    if (i >= renamed_from_.size() || renamed_from_[i].empty()) return nullptr;
    const std::string& name = now_.NameOf(renamed_from_[i]);
    return FindName(now_, name) < 0 ? target_.Find(name) : nullptr;
  }

  Status Column(size_t i) {
    const leat::Column& column = now_.source->columns[i];
    const bool key = IsKey(now_, i);
    ASSIGN_OR_RETURN(std::string type, TypeSql(*now_.source, column, key, server_));
    const TargetColumn* there = target_.Find(now_.names[i]);
    if (!there) {
      const TargetColumn* old = OldName(i);
      if (old) {
        clauses_.push_back(fmt::format("RENAME COLUMN {} TO {}", QuoteName(old->name),
                                       QuoteName(now_.names[i])));
        renamed_.push_back(old->name);
      } else {
        // Rows that are there have no value for it.
        clauses_.push_back("ADD COLUMN " + ColumnSql({now_.names[i], type, true}));
      }
      there = old;
    }
    if (!there || there->generated || !MayWiden(i) ||
        !IsWider(there->column_type, type)) {
      return Status::Ok();
    }
    clauses_.push_back("MODIFY COLUMN " +
                       ColumnSql({now_.names[i], type, there->nullable}));
    return Status::Ok();
  }

  bool MayWiden(size_t i) const {
    if (target_.ours) return true;
    if (!before_) return false;
    const leat::Column& now = now_.source->columns[i];
    const bool renamed = i < renamed_from_.size() && !renamed_from_[i].empty();
    const int old = before_->source->Find(renamed ? renamed_from_[i] : now.name);
    if (old < 0) return false;
    const leat::Column& before = before_->source->columns[static_cast<size_t>(old)];
    return before.source_type != now.source_type || !before.type->Equals(now.type);
  }

  // A column that the source has no more must take NULL.
  void Free(const TargetColumn& column) {
    const bool mine = target_.ours || (before_ && FindName(*before_, column.name) >= 0);
    if (!mine || column.nullable || column.has_default || column.generated ||
        FindName(now_, column.name) >= 0 ||
        std::ranges::find(renamed_, column.name) != renamed_.end()) {
      return;
    }
    std::string type = column.column_type;
    if (!column.collation.empty()) type += " COLLATE " + column.collation;
    clauses_.push_back("MODIFY COLUMN " + ColumnSql({column.name, type, true}));
  }

  const TargetTable& target_;
  const Shape* const before_;
  const Shape& now_;
  const std::vector<std::string>& renamed_from_;
  const ServerInfo& server_;
  std::vector<std::string> clauses_;
  std::vector<std::string> renamed_;
};

}  // namespace

Result<Shape> Shape::Make(const SinkOptions& options, const SchemaRef& source) {
  Shape shape;
  shape.source = source;
  shape.renames = options.columns;
  for (const Column& column : source->columns) {
    shape.names.push_back(shape.NameOf(column.name));
  }
  for (const std::string& name : options.key) {
    const int at = source->Find(name);
    if (at < 0) {
      return Status::Config(fmt::format("`key` names column `{}`, which {} does not have",
                                        name, source->id.ToString()));
    }
    shape.key.push_back(at);
  }
  if (shape.key.empty() && options.keyed()) shape.key = source->key;
  if (shape.key.empty() && options.keyed()) {
    return Status::Config(
        fmt::format("{} has no key, so no row of it can be replaced or deleted; name its "
                    "columns with `key`, or say `mode: insert`",
                    source->id.ToString()));
  }
  return shape;
}

const std::string& Shape::NameOf(const std::string& column) const {
  const auto found = renames.find(column);
  return found == renames.end() ? column : found->second;
}

std::vector<std::string> Shape::KeyNames() const {
  std::vector<std::string> out;
  for (int column : key) out.push_back(names[static_cast<size_t>(column)]);
  return out;
}

Result<std::string> CreateTableSql(const TableId& target, const Shape& shape,
                                   const ServerInfo& server) {
  std::vector<NewColumn> columns;
  for (size_t i = 0; i < shape.names.size(); i++) {
    const Column& column = shape.source->columns[i];
    const bool key = IsKey(shape, i);
    ASSIGN_OR_RETURN(std::string type, TypeSql(*shape.source, column, key, server));
    columns.push_back({shape.names[i], std::move(type), column.nullable && !key, key});
  }
  ShrinkRow(&columns);
  std::string body;
  for (const NewColumn& column : columns) {
    body += (body.empty() ? "" : ", ") + ColumnSql(column);
  }
  std::string key;
  for (const std::string& name : shape.KeyNames()) {
    key += (key.empty() ? "" : ", ") + QuoteName(name);
  }
  if (!key.empty()) body += ", PRIMARY KEY (" + key + ")";
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE=InnoDB ROW_FORMAT=DYNAMIC "
      "DEFAULT CHARSET=utf8mb4 COMMENT='{}'",
      QuoteTable(target.database, target.table), body, kOurComment);
}

Result<std::vector<std::string>> AlterTableSql(
    const TargetTable& target, const Shape* before, const Shape& now,
    const std::vector<std::string>& renamed_from, const ServerInfo& server) {
  return Alteration(target, before, now, renamed_from, server).Run();
}

}  // namespace leat::mysql
