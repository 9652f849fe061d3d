#include "connectors/mysql/log/statement.h"

#include <algorithm>

namespace leat::mysql {
namespace {

struct Token {
  enum class Kind : uint8_t { kEnd, kName, kQuotedName, kText, kSymbol };
  Kind kind = Kind::kEnd;
  std::string text;  // of a name: unquoted; of a symbol: one character
  size_t at = 0;     // where it starts
};

bool IsNameCharacter(char c) {
  return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  Token Next() {
    SkipBlanks();
    Token token;
    token.at = at_;
    if (at_ >= text_.size()) return token;
    char c = text_[at_];
    if (c == '`' || c == '"') {
      token.kind = Token::Kind::kQuotedName;
      token.text = Quoted(c);
    } else if (c == '\'') {
      token.kind = Token::Kind::kText;
      token.text = Quoted(c);
    } else if (IsNameCharacter(c)) {
      token.kind = Token::Kind::kName;
      size_t start = at_;
      while (at_ < text_.size() && IsNameCharacter(text_[at_])) at_++;
      token.text = text_.substr(start, at_ - start);
    } else {
      token.kind = Token::Kind::kSymbol;
      token.text = std::string(1, c);
      at_++;
    }
    return token;
  }

 private:
  char Peek(size_t ahead) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  // Blanks and comments. What stands in an executable comment, /*!50003 ... */ and
  // MariaDB's /*M!, is part of the statement.
  void SkipBlanks() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0') {
        at_++;
      } else if (c == '#' || (c == '-' && Peek(1) == '-' && Peek(2) <= ' ')) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '/' && Peek(1) == '*') {
        size_t mark = Peek(2) == 'M' ? 3 : 2;
        if (Peek(mark) == '!') {
          at_ += mark + 1;
          while (IsDigit(Peek(0))) at_++;
          executable_++;
        } else {
          size_t end = text_.find("*/", at_ + 2);
          at_ = end == std::string_view::npos ? text_.size() : end + 2;
        }
      } else if (executable_ > 0 && c == '*' && Peek(1) == '/') {
        executable_--;
        at_ += 2;
      } else {
        return;
      }
    }
  }

  std::string Quoted(char quote) {
    std::string out;
    for (at_++; at_ < text_.size(); at_++) {
      char c = text_[at_];
      if (c == quote) {
        if (Peek(1) != quote) {
          at_++;
          break;
        }
        at_++;
      } else if (c == '\\' && quote == '\'' && at_ + 1 < text_.size()) {
        c = text_[++at_];
      }
      out += c;
    }
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
  int executable_ = 0;
};

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
  bool Is(std::string_view word) const {
    if (token_.kind != Token::Kind::kName || token_.text.size() != word.size()) {
      return false;
    }
    return std::equal(word.begin(), word.end(), token_.text.begin(),
                      [](char a, char b) { return a == Upper(b); });
  }
  bool IsSymbol(char c) const {
    return token_.kind == Token::Kind::kSymbol && token_.text[0] == c;
  }
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
    return token_.kind == Token::Kind::kName || token_.kind == Token::Kind::kQuotedName;
  }
  bool AtEnd() const { return token_.kind == Token::Kind::kEnd; }

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
    Accept("IGNORE");
    if (!Accept("TABLE")) return Definition({});
    IfExists();
    TableChange alter;
    if (!Table(&alter.table)) return Definition({});
    WaitOrNot();
    std::vector<TableChange> changes(1, alter);
    while (!AtEnd()) {
      bool add = Accept("ADD");
      bool fills = false;
      if (!add) AlterClause(&changes);
      SkipClause(&fills);
      if (add && fills) changes.front().fills = true;
    }
    // The shape changes before the name does, whatever their order in the statement.
    return Definition(std::move(changes));
  }

  void AlterClause(std::vector<TableChange>* changes) {
    TableChange& alter = changes->front();
    if (Accept("RENAME")) {
      RenameClause(changes);
    } else if (Accept("CHANGE")) {
      Accept("COLUMN");
      IfExists();
      std::string from, to;
      if (Name(&from) && Name(&to)) RenameColumn(&alter, from, to);
    } else if (Accept("DROP")) {
      DropClause(changes);
    } else if (Is("TRUNCATE") || Is("EXCHANGE") || Is("CONVERT")) {
      Advance();
      if (Is("PARTITION") || Is("TABLE")) AddPartition(changes);
    }
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
      AddPartition(changes);
      return;
    }
    Accept("COLUMN");
    IfExists();
    std::string name;
    if (Name(&name)) changes->front().columns.try_emplace(name, "");
  }

  static void AddPartition(std::vector<TableChange>* changes) {
    TableChange change;
    change.kind = TableChange::Kind::kPartition;
    change.table = changes->front().table;
    changes->push_back(std::move(change));
  }

  static void RenameColumn(TableChange* alter, const std::string& from,
                           const std::string& to) {
    if (from != to) alter->columns[to] = from;
  }

  // To behind the next comma outside parentheses. `fills`: it has what gives an added
  // column a value: a default, NOT NULL, an expression.
  void SkipClause(bool* fills) {
    int depth = 0;
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
      Advance();
      if (comma) return;
    }
  }

  std::string_view text_;
  std::string database_;
  Tokenizer tokens_;
  Token token_;
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
