#include "connectors/mysql/sink/row_statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "connectors/mysql/client/client.h"
#include "connectors/mysql/sink/server_error.h"

namespace leat::mysql {
namespace {

constexpr size_t kMostRows = 512;  // of a statement without array binding

bool HasArrays(MYSQL* connection) {
  unsigned capabilities = 0;
  return mariadb_get_infov(connection, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
                           &capabilities) == 0 &&
         capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32);
}

}  // namespace

Result<std::unique_ptr<RowStatement>> RowStatement::Make(
    Client& client, std::shared_ptr<const TablePlan> plan, Change change) {
  const RowSql& sql = plan->sql(change);
  std::unique_ptr<RowStatement> made(new RowStatement(client, std::move(plan), sql));
  made->arrays_ = HasArrays(client.raw());
  const TablePlan& of = *made->plan_;
  for (int column : sql.columns) {
    const auto& type = *of.shape.source->columns[static_cast<size_t>(column)].type;
    ASSIGN_OR_RETURN(ParamColumn param,
                     ParamColumn::Make(column, type, of.ColumnOf(column)));
    made->params_.push_back(std::move(param));
  }
  return made;
}

std::vector<RowFault> RowStatement::Fill(const RowBatches& batches,
                                         std::span<const RowRef> rows) {
  std::vector<RowFault> faults;
  for (ParamColumn& param : params_) param.Fill(batches, rows, &faults);
  rows_ = rows.size();
  return faults;
}

size_t RowStatement::Bytes(size_t row) const {
  size_t bytes = 0;
  for (const ParamColumn& param : params_) bytes += param.Bytes(row);
  return bytes;
}

ServerError RowStatement::Execute() {
  if (arrays_) return ExecuteArray();
  const size_t most = std::min<size_t>(kMostRows, static_cast<size_t>(sql_.most_rows));
  for (size_t from = 0; from < rows_;) {
    const size_t count = std::bit_floor(std::min(most, rows_ - from));
    if (ServerError error = ExecuteRows(from, count); error.number) return error;
    from += count;
  }
  return {};
}

MYSQL_STMT* RowStatement::Prepared(size_t rows, ServerError* error) {
  Statement& statement = statements_[rows];
  if (statement) return statement.get();
  std::string text = sql_.head;
  for (size_t i = 0; i < rows; i++) {
    if (i) text += sql_.separator;
    text += sql_.row;
  }
  text += sql_.tail;
  statement.reset(mysql_stmt_init(client_.raw()));
  if (!statement) {
    *error = {mysql_errno(client_.raw()), mysql_error(client_.raw())};
  } else if (mysql_stmt_prepare(statement.get(), text.data(), text.size()) == 0) {
    return statement.get();
  } else {
    *error = {mysql_stmt_errno(statement.get()), mysql_stmt_error(statement.get())};
  }
  statement.reset();
  return nullptr;
}

ServerError RowStatement::ExecuteArray() {
  ServerError error;
  MYSQL_STMT* statement = Prepared(1, &error);
  if (!statement) return error;
  auto count = static_cast<unsigned>(rows_);
  mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &count);
  binds_.resize(params_.size());
  for (size_t i = 0; i < params_.size(); i++) params_[i].BindArray(&binds_[i]);
  return Run(statement);
}

ServerError RowStatement::ExecuteRows(size_t from, size_t count) {
  ServerError error;
  MYSQL_STMT* statement = Prepared(count, &error);
  if (!statement) return error;
  binds_.resize(params_.size() * count);
  size_t at = 0;
  for (size_t row = from; row < from + count; row++) {
    for (ParamColumn& param : params_) param.BindRow(row, &binds_[at++]);
  }
  return Run(statement);
}

ServerError RowStatement::Run(MYSQL_STMT* statement) {
  if (mysql_stmt_bind_param(statement, binds_.data()) != 0 ||
      mysql_stmt_execute(statement) != 0) {
    return {mysql_stmt_errno(statement), mysql_stmt_error(statement)};
  }
  return mysql_warning_count(client_.raw()) > 0 ? Warnings() : ServerError();
}

ServerError RowStatement::Warnings() {
  auto rows = client_.Query("SHOW WARNINGS");
  if (!rows.ok()) return {client_.last_error(), rows.status().message()};
  for (const Row& row : *rows) {
    const auto number = static_cast<unsigned>(std::atoi(row[1].value_or("0").c_str()));
    if (IsChangedValue(number)) return {number, row[2].value_or("")};
  }
  return {};
}

}  // namespace leat::mysql
