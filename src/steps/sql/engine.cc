#include "steps/sql/engine.h"

namespace leat::sql {
namespace {

// DuckDB's results are values that have to be given back.
struct QueryResult {
  ~QueryResult() { duckdb_destroy_result(&result); }
  duckdb_result result = {};
};

Status Failed(const char* message, ErrorKind kind) {
  return {kind, message ? message : "DuckDB gives no reason"};
}

}  // namespace

Status ToStatus(duckdb_error_data error, ErrorKind kind) {
  if (!error) return Status::Ok();
  Status status;
  if (duckdb_error_data_has_error(error)) {
    status = Failed(duckdb_error_data_message(error), kind);
  }
  duckdb_destroy_error_data(&error);
  return status;
}

Result<std::unique_ptr<Engine>> Engine::Make() {
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) == DuckDBError) {
    return Status::Bug("DuckDB makes no configuration");
  }
  // One thread: the writer's. Nothing outside the batch can be reached from SQL.
  for (const auto& [name, value] : {std::pair{"threads", "1"},
                                    {"enable_external_access", "false"},
                                    {"autoinstall_known_extensions", "false"},
                                    {"autoload_known_extensions", "false"}}) {
    if (duckdb_set_config(config, name, value) == DuckDBError) {
      duckdb_destroy_config(&config);
      return Status::Bug(std::string("DuckDB does not know the setting ") + name);
    }
  }
  auto engine = std::make_unique<Engine>();
  char* error = nullptr;
  const duckdb_state opened =
      duckdb_open_ext(nullptr, engine->database_.out(), config, &error);
  duckdb_destroy_config(&config);
  if (opened == DuckDBError) {
    Status status = Failed(error, ErrorKind::kTransient).Within("starting DuckDB");
    duckdb_free(error);
    return status;
  }
  ASSIGN_OR_RETURN(const Connection connection, engine->Connect());
  RETURN_IF_ERROR(Run(connection, "SET GLOBAL TimeZone = 'UTC'"));
  RETURN_IF_ERROR(Run(connection, "SET lock_configuration = true"));
  return engine;
}

Result<Connection> Engine::Connect() {
  Connection connection;
  if (duckdb_connect(database_.get(), connection.out()) == DuckDBError) {
    return Status::Bug("DuckDB gives no connection");
  }
  return connection;
}

Status Run(const Connection& connection, const std::string& sql) {
  QueryResult query;
  if (duckdb_query(connection.get(), sql.c_str(), &query.result) == DuckDBError) {
    return Failed(duckdb_result_error(&query.result), ErrorKind::kConfig);
  }
  return Status::Ok();
}

Result<Statement> Prepare(const Connection& connection, const std::string& sql) {
  Statement statement;
  if (duckdb_prepare(connection.get(), sql.c_str(), statement.out()) == DuckDBError) {
    return Failed(duckdb_prepare_error(statement.get()), ErrorKind::kConfig);
  }
  return statement;
}

Result<std::string> Ask(const Connection& connection, const std::string& sql,
                        const std::string& argument) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(connection, sql));
  if (duckdb_bind_varchar_length(statement.get(), 1, argument.data(), argument.size()) ==
      DuckDBError) {
    return Status::Bug("DuckDB takes no argument for " + sql);
  }
  QueryResult query;
  if (duckdb_execute_prepared(statement.get(), &query.result) == DuckDBError) {
    return Failed(duckdb_result_error(&query.result), ErrorKind::kConfig);
  }
  DataChunk chunk(duckdb_fetch_chunk(query.result));
  if (!chunk || duckdb_data_chunk_get_size(chunk.get()) != 1) {
    return Status::Bug("DuckDB answers no row to " + sql);
  }
  auto* texts = static_cast<duckdb_string_t*>(
      duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
  return std::string(duckdb_string_t_data(texts), duckdb_string_t_length(*texts));
}

}  // namespace leat::sql
