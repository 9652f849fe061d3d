// Engine: one DuckDB in the process, without files, network or extensions. Owned by one
// step; one thread. Errors: kConfig, with DuckDB's own words, for SQL that it refuses;
// kData where it fails on the rows it was given.
#pragma once

#include <arrow/record_batch.h>
#include <duckdb.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace leat::sql {

// Owners of DuckDB's handles.
template <typename Handle, void (*Destroy)(Handle*)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  ~Owned() { reset(); }
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    reset();
    handle_ = std::exchange(other.handle_, nullptr);
    return *this;
  }
  Handle get() const { return handle_; }
  Handle* out() { return &handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  void reset() {
    if (handle_) Destroy(&handle_);
    handle_ = nullptr;
  }
  Handle handle_ = nullptr;
};
using Database = Owned<duckdb_database, duckdb_close>;
using Connection = Owned<duckdb_connection, duckdb_disconnect>;
using Statement = Owned<duckdb_prepared_statement, duckdb_destroy_prepare>;
using LogicalType = Owned<duckdb_logical_type, duckdb_destroy_logical_type>;
using DataChunk = Owned<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using ArrowOptions = Owned<duckdb_arrow_options, duckdb_destroy_arrow_options>;
using ConvertedSchema =
    Owned<duckdb_arrow_converted_schema, duckdb_destroy_arrow_converted_schema>;

// The error, if there is one, with that kind; takes it over.
Status ToStatus(duckdb_error_data error, ErrorKind kind);

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> Make();

  Result<Connection> Connect();
  // A number that no table function of this engine has had.
  int NextNumber() { return ++number_; }

 private:
  Database database_;
  int number_ = 0;
};

// Runs a statement that answers nothing.
Status Run(const Connection& connection, const std::string& sql);
Result<Statement> Prepare(const Connection& connection, const std::string& sql);
// The one text that a query answers.
Result<std::string> Ask(const Connection& connection, const std::string& sql,
                        const std::string& argument);

}  // namespace leat::sql
