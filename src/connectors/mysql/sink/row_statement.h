// RowStatement: one RowSql on one connection, prepared once: with array binding where the
// server has it (MariaDB), else prepared for several numbers of rows. Owned by a Writer;
// one thread.
#pragma once

#include <mysql.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/mysql/sink/params.h"
#include "connectors/mysql/sink/plan.h"

namespace leat::mysql {

class Client;

// What the server said against a statement; number 0: nothing.
struct ServerError {
  unsigned number = 0;
  std::string text;
};

class RowStatement {
 public:
  // Borrows the connection; `sql` belongs to the plan, which is kept.
  static Result<std::unique_ptr<RowStatement>> Make(Client& client,
                                                    std::shared_ptr<const TablePlan> plan,
                                                    Change change);

  // Gathers the values of `rows`.
  std::vector<RowFault> Fill(const RowBatches& batches, std::span<const RowRef> rows);
  // Of the row's values in the statement, at most.
  size_t Bytes(size_t row) const;
  // Sends what was filled. Warnings that say that a value was changed are errors.
  ServerError Execute();

  const TablePlan& plan() const { return *plan_; }
  const std::vector<ParamColumn>& params() const { return params_; }

 private:
  struct Close {
    void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
  };
  using Statement = std::unique_ptr<MYSQL_STMT, Close>;

  RowStatement(Client& client, std::shared_ptr<const TablePlan> plan, const RowSql& sql)
      : client_(client), plan_(std::move(plan)), sql_(sql) {}

  // Prepared for that many rows; nullptr with `error`.
  MYSQL_STMT* Prepared(size_t rows, ServerError* error);
  ServerError ExecuteArray();
  ServerError ExecuteRows(size_t from, size_t count);
  ServerError Run(MYSQL_STMT* statement);
  ServerError Warnings();

  Client& client_;
  std::shared_ptr<const TablePlan> plan_;
  const RowSql& sql_;
  bool arrays_ = false;
  std::vector<ParamColumn> params_;
  std::vector<MYSQL_BIND> binds_;
  std::map<size_t, Statement> statements_;  // by number of rows
  size_t rows_ = 0;                         // filled
};

}  // namespace leat::mysql
