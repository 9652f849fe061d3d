#include "connectors/mysql/log/statement.h"

#include <algorithm>

#include "connectors/mysql/log/sql_tokens.h"

namespace leat::mysql {
namespace {

// Recursive descent over the few statements that matter; anything unexpected ends it with
// what was understood so far.
class Parser {
 public:
  Parser(std::string_view text, std::string_view database)
      : text_(text), database_(database), tokens_(text) {
    Advance();
  }

  Statement Parse() {
    if (Accept("BEGIN")) return Simple(Statement::Kind::kBegin);
    if (Accept("START")) return Simple(Statement::Kind::kBegin);
    if (Accept("COMMIT")) return Simple(Statement::Kind::kCommit);
    if (Accept("SAVEPOINT")) return Simple(Statement::Kind::kSavepoint);
    if (Accept("RELEASE")) return Simple(Statement::Kind::kSavepoint);
    if (Accept("ROLLBACK")) return Rollback();
    if (Accept("XA")) return Xa();
    if (Accept("TRUNCATE")) return Truncate();
    if (Accept("DROP")) return Drop();
    if (Accept("RENAME")) return Rename();
    if (Accept("ALTER")) return Alter();
    if (Accept("CREATE")) return Create();
    for (const char* word :
         {"INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL", "WITH", "VALUES"}) {
      if (Accept(word)) return Simple(Statement::Kind::kData);
    }
    return Simple(Statement::Kind::kOther);
  }

  std::vector<TableId> ParseChanged() {
    std::vector<TableId> tables;
    // One target.
    if (Accept("INSERT") || Accept("REPLACE") || Is("LOAD")) {
      if (Is("LOAD")) {
        while (!AtEnd() && !Is("INTO")) Advance();
      }
      Modifiers();
      AddTable(&tables);
      return tables;
    }
    // Those between the verb and SET or WHERE; after a WITH, all that may be tables.
    bool all = Is("WITH");
    Advance();
    Modifiers();
    AddTable(&tables);
    while (!AtEnd() && (all || !(Is("SET") || Is("WHERE")))) {
      bool next = IsSymbol(',') || Is("JOIN") || Is("FROM") || Is("USING") ||
                  Is("UPDATE") || Is("INTO") || Is("STRAIGHT_JOIN");
      Advance();
      if (!next) continue;
      Modifiers();
      AddTable(&tables);
    }
    return tables;
  }

 private:
  void Modifiers() {
    while (Accept("LOW_PRIORITY") || Accept("HIGH_PRIORITY") || Accept("DELAYED") ||
           Accept("IGNORE") || Accept("QUICK") || Accept("INTO") || Accept("FROM") ||
           Accept("TABLE")) {
    }
  }
  void AddTable(std::vector<TableId>* tables) {
    TableId id;
    if (Table(&id)) tables->push_back(std::move(id));
  }
  void Advance() { token_ = tokens_.Next(); }
  bool Is(std::string_view word) const { return token_.Is(word); }
  bool IsSymbol(char c) const { return token_.IsSymbol(c); }
  bool Accept(std::string_view word) {
    if (!Is(word)) return false;
    Advance();
    return true;
  }
  bool AcceptSymbol(char c) {
    if (!IsSymbol(c)) return false;
    Advance();
    return true;
  }
  bool IsName() const {
    return token_.kind == SqlToken::Kind::kName ||
           token_.kind == SqlToken::Kind::kQuotedName;
  }
  bool AtEnd() const { return token_.kind == SqlToken::Kind::kEnd; }

  static Statement Simple(Statement::Kind kind) {
    Statement statement;
    statement.kind = kind;
    return statement;
  }
  static Statement Definition(std::vector<TableChange> changes) {
    Statement statement;
    statement.kind = Statement::Kind::kDefinition;
    statement.changes = std::move(changes);
    return statement;
  }

  bool Name(std::string* name) {
    if (!IsName() || token_.text.empty()) return false;
    *name = token_.text;
    Advance();
    return true;
  }
  bool Table(TableId* id) {
    std::string first;
    if (!Name(&first)) return false;
    if (!AcceptSymbol('.')) {
      *id = {database_, "", first};
      return true;
    }
    std::string second;
    if (!Name(&second)) return false;
    *id = {first, "", second};
    return true;
  }
  void IfExists() {
    if (!Accept("IF")) return;
    Accept("NOT");
    Accept("EXISTS");
  }
  void WaitOrNot() {
    if (Accept("NOWAIT")) return;
    if (Accept("WAIT")) Advance();
  }

  Statement Rollback() {
    Accept("WORK");
    bool to = Accept("TO");
    return Simple(to ? Statement::Kind::kRollbackToSavepoint
                     : Statement::Kind::kRollback);
  }

  Statement Xa() {
    static constexpr std::pair<const char*, Statement::Kind> kWords[] = {
        {"START", Statement::Kind::kXaStart},
        {"BEGIN", Statement::Kind::kXaStart},
        {"END", Statement::Kind::kXaEnd},
        {"PREPARE", Statement::Kind::kXaPrepare},
        {"COMMIT", Statement::Kind::kXaCommit},
        {"ROLLBACK", Statement::Kind::kXaRollback}};
    for (const auto& [word, kind] : kWords) {
      if (!Is(word)) continue;
      Advance();
      Statement statement = Simple(kind);
      if (!AtEnd()) statement.xid = text_.substr(token_.at);
      while (!statement.xid.empty() && statement.xid.back() <= ' ') {
        statement.xid.pop_back();
      }
      return statement;
    }
    return Simple(Statement::Kind::kOther);
  }

  Statement Truncate() {
    Accept("TABLE");
    TableChange change;
    change.kind = TableChange::Kind::kTruncate;
    if (!Table(&change.table)) return Simple(Statement::Kind::kOther);
    return Definition({change});
  }

  Statement Drop() {
    bool temporary = Accept("TEMPORARY");
    if (Accept("DATABASE") || Accept("SCHEMA")) {
      IfExists();
      TableChange change;
      change.kind = TableChange::Kind::kDropDatabase;
      if (!Name(&change.table.database)) return Simple(Statement::Kind::kOther);
      return Definition({change});
    }
    if (Accept("INDEX")) return IndexOn();
    if (temporary || !(Accept("TABLE") || Accept("TABLES"))) return Definition({});
    IfExists();
    std::vector<TableChange> changes;
    do {
      TableChange change;
      change.kind = TableChange::Kind::kDrop;
      if (!Table(&change.table)) break;
      changes.push_back(std::move(change));
    } while (AcceptSymbol(','));
    return Definition(std::move(changes));
  }

  // CREATE/DROP INDEX name ON table: the shape's key may change.
  Statement IndexOn() {
    while (!AtEnd() && !Is("ON")) Advance();
    TableChange change;
    if (!Accept("ON") || !Table(&change.table)) return Definition({});
    return Definition({change});
  }

  Statement Rename() {
    if (!Accept("TABLE") && !Accept("TABLES")) return Definition({});
    IfExists();
    std::vector<TableChange> changes;
    do {
      TableChange change;
      change.kind = TableChange::Kind::kRename;
      if (!Table(&change.table)) break;
      WaitOrNot();
      if (!Accept("TO") || !Table(&change.to)) break;
      changes.push_back(std::move(change));
    } while (AcceptSymbol(','));
    return Definition(std::move(changes));
  }

  Statement Create() {
    bool replace = Accept("OR") && Accept("REPLACE");
    for (const char* word : {"UNIQUE", "FULLTEXT", "SPATIAL", "ONLINE", "OFFLINE"}) {
      Accept(word);
    }
    if (Accept("INDEX")) return IndexOn();
    if (!Accept("TABLE")) return Definition({});
    IfExists();
    TableChange change;
    change.kind = TableChange::Kind::kCreate;
    if (!Table(&change.table)) return Definition({});
    if (!replace) return Definition({change});
    TableChange drop = change;
    drop.kind = TableChange::Kind::kDrop;
    return Definition({drop, change});
  }

  Statement Alter() {
    Accept("ONLINE");
    // Rows that do not fit the new definition are left out without a word.
    bool ignore = Accept("IGNORE");
    if (!Accept("TABLE")) return Definition({});
    IfExists();
    TableChange alter;
    if (!Table(&alter.table)) return Definition({});
    WaitOrNot();
    std::vector<TableChange> changes(1, alter);
    if (ignore) AddRewrite(&changes, alter.table, /*came=*/false);
    while (!AtEnd()) {
      bool add = Accept("ADD");
      bool fills = false;
      std::string defined;
      if (!add) AlterClause(&changes, &defined);
      size_t start = token_.at;
      size_t end = SkipClause(&fills);
      if (add && fills) changes.front().fills = true;
      if (!defined.empty()) {
        changes.front().definitions[defined] = text_.substr(start, end - start);
      }
    }
    // The shape changes before the name does, whatever their order in the statement.
    return Definition(std::move(changes));
  }

  // `defined`: the name of a column whose new definition follows.
  void AlterClause(std::vector<TableChange>* changes, std::string* defined) {
    TableChange& alter = changes->front();
    if (Accept("RENAME")) {
      RenameClause(changes);
    } else if (Accept("MODIFY")) {
      Accept("COLUMN");
      IfExists();
      Name(defined);
    } else if (Accept("CHANGE")) {
      Accept("COLUMN");
      IfExists();
      std::string from;
      if (Name(&from) && Name(defined)) RenameColumn(&alter, from, *defined);
    } else if (Accept("DROP")) {
      DropClause(changes);
    } else if (Accept("CONVERT")) {
      ConvertClause(changes);
    } else if (Accept("TRUNCATE")) {
      if (Is("PARTITION")) AddRewrite(changes, alter.table, /*came=*/false);
    } else if (Accept("DISCARD")) {
      AddRewrite(changes, alter.table, /*came=*/false);
    } else if (Accept("IMPORT")) {
      AddRewrite(changes, alter.table, /*came=*/true);
    } else if (Accept("EXCHANGE")) {
      AddRewrite(changes, alter.table, /*came=*/true);
      TableId other;
      if (TableAfter("WITH", &other)) AddRewrite(changes, other, /*came=*/true);
    }
  }

  // CONVERT TO CHARACTER SET c; CONVERT PARTITION p TO TABLE x, and TABLE x TO PARTITION
  // p of MariaDB.
  void ConvertClause(std::vector<TableChange>* changes) {
    TableChange& alter = changes->front();
    TableId other;
    if (Accept("TO")) {
      if (Accept("CHARACTER")) Accept("SET");
      Accept("CHARSET");
      AcceptSymbol('=');
      // Every character there is has a place in it.
      alter.fills = alter.fills || !Is("UTF8MB4");
    } else if (Is("PARTITION")) {
      const TableId from = alter.table;
      AddRewrite(changes, from, /*came=*/false);
      if (TableAfter("TO", &other)) AddRewrite(changes, other, /*came=*/true);
    } else if (Accept("TABLE") && Table(&other)) {
      AddRewrite(changes, changes->front().table, /*came=*/true);
      TableChange drop;
      drop.kind = TableChange::Kind::kDrop;
      drop.table = other;
      changes->push_back(std::move(drop));
    }
  }

  // What follows `word` TABLE.
  bool TableAfter(std::string_view word, TableId* id) {
    while (!AtEnd() && !Is(word)) Advance();
    return Accept(word) && Accept("TABLE") && Table(id);
  }

  void RenameClause(std::vector<TableChange>* changes) {
    if (Accept("COLUMN")) {
      IfExists();
      std::string from, to;
      if (Name(&from) && Accept("TO") && Name(&to)) {
        RenameColumn(&changes->front(), from, to);
      }
      return;
    }
    if (Is("INDEX") || Is("KEY")) return;
    if (!Accept("TO")) Accept("AS");
    AcceptSymbol('=');
    TableChange rename;
    rename.kind = TableChange::Kind::kRename;
    rename.table = changes->front().table;
    if (Table(&rename.to)) changes->push_back(std::move(rename));
  }

  void DropClause(std::vector<TableChange>* changes) {
    for (const char* other : {"INDEX", "KEY", "PRIMARY", "FOREIGN", "CHECK", "CONSTRAINT",
                              "PERIOD", "SYSTEM"}) {
      if (Is(other)) return;
    }
    if (Is("PARTITION")) {
      AddRewrite(changes, changes->front().table, /*came=*/false);
      return;
    }
    Accept("COLUMN");
    IfExists();
    std::string name;
    if (Name(&name)) changes->front().columns.try_emplace(name, "");
  }

  static void AddRewrite(std::vector<TableChange>* changes, TableId table, bool came) {
    TableChange change;
    change.kind = TableChange::Kind::kRewrite;
    change.table = std::move(table);
    change.came = came;
    changes->push_back(std::move(change));
  }

  static void RenameColumn(TableChange* alter, const std::string& from,
                           const std::string& to) {
    if (from != to) alter->columns[to] = from;
  }

  // To behind the next comma outside parentheses; answers where that stands. `fills`: it
  // has what gives an added column a value: a default, NOT NULL, an expression.
  size_t SkipClause(bool* fills) {
    int depth = 0;
    size_t end = text_.size();
    while (!AtEnd()) {
      if (Accept("DEFAULT")) {
        if (!Is("NULL")) *fills = true;
        continue;
      }
      if (Accept("NOT")) {
        if (Is("NULL")) *fills = true;
        continue;
      }
      if (Is("AS") || Is("AUTO_INCREMENT") || Is("SERIAL")) *fills = true;
      if (IsSymbol('(')) depth++;
      if (IsSymbol(')')) depth--;
      bool comma = IsSymbol(',') && depth <= 0;
      if (comma) end = token_.at;
      Advance();
      if (comma) break;
    }
    return end;
  }

  std::string_view text_;
  std::string database_;
  SqlTokens tokens_;
  SqlToken token_;
};

}  // namespace

Statement ParseStatement(std::string_view text, std::string_view database) {
  // Nearly every statement in a log is one of these, as the server itself writes them.
  if (text == "BEGIN") {
    Statement statement;
    statement.kind = Statement::Kind::kBegin;
    return statement;
  }
  return Parser(text, database).Parse();
}

std::vector<TableId> ChangedTables(std::string_view text, std::string_view database) {
  return Parser(text, database).ParseChanged();
}

}  // namespace leat::mysql
