// What the statements in a log mean for the tables that are followed: transactions, XA,
// and the definition statements that row events say nothing about. A tokeniser that knows
// comments, executable comments, quotes and `db`.`t`; it never fails: what it does not
// understand is Kind::kOther, with the names it mentions. Any thread; points into the
// statement.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/schema.h"

namespace leat::mysql {

struct TableChange {
  enum class Kind : uint8_t {
    kTruncate,
    kDrop,
    kDropDatabase,  // table.database alone
    kRename,
    kAlter,    // another shape may follow
    kRewrite,  // rows left or came with no row event: a partition, a tablespace
    kCreate,
  };
  Kind kind = Kind::kAlter;
  TableId table;
  TableId to;  // kRename
  // kAlter: new column name -> its old name; "" for a name whose column was dropped, so
  // that a later column of that name is another one.
  std::map<std::string, std::string> columns;
  // kAlter: the rows that are there have other values afterwards, with no row event: a
  // column was added with a value of its own, or all text was converted.
  bool fills = false;
  // kAlter: column (its new name) -> the text of its new definition. Whether values are
  // converted by it depends on the old one: see conversion.h.
  std::map<std::string, std::string> definitions;
  bool came = false;  // kRewrite: rows came; else they can only have left
};

struct Statement {
  enum class Kind : uint8_t {
    kBegin,
    kCommit,
    kRollback,
    kSavepoint,
    kRollbackToSavepoint,
    kXaStart,
    kXaEnd,
    kXaPrepare,
    kXaCommit,
    kXaRollback,
    kDefinition,
    kData,  // INSERT, UPDATE, ...: logged as a statement, not as rows
    kOther,
  };
  Kind kind = Kind::kOther;
  std::string xid;  // kXa*: as the server writes it
  std::vector<TableChange> changes;
};

// `database` is the session's, for names without one.
Statement ParseStatement(std::string_view text, std::string_view database);

// The tables that a statement of Kind::kData may change.
std::vector<TableId> ChangedTables(std::string_view text, std::string_view database);

}  // namespace leat::mysql
