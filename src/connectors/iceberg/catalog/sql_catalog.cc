#include "connectors/iceberg/catalog/sql_catalog.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/failpoint.h"
#include "connectors/iceberg/catalog/metadata_file.h"
#include "connectors/iceberg/metadata/uuid.h"

namespace leat::iceberg {
namespace {

// Another process holds the file for the time of its own commit.
constexpr int kBusyMillis = 2000;

constexpr const char* kTables =
    "CREATE TABLE IF NOT EXISTS iceberg_tables ("
    "catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, "
    "table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
    "previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5), "
    "PRIMARY KEY (catalog_name, table_namespace, table_name));"
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties ("
    "catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, "
    "property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL, "
    "PRIMARY KEY (catalog_name, namespace, property_key));";

}  // namespace

// A prepared statement with its parameters; finalised with it.
class SqlCatalog::Statement {
 public:
  Statement(sqlite3* db, const char* sql, const std::vector<std::string>& parameters) {
    code_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr);
    for (size_t i = 0; i < parameters.size() && code_ == SQLITE_OK; i++) {
      code_ = sqlite3_bind_text(statement_, static_cast<int>(i) + 1, parameters[i].data(),
                                static_cast<int>(parameters[i].size()), SQLITE_TRANSIENT);
    }
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // SQLITE_ROW, SQLITE_DONE or an error.
  int Step() {
    if (code_ == SQLITE_OK || code_ == SQLITE_ROW) code_ = sqlite3_step(statement_);
    return code_;
  }
  std::string Text(int column) const {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    return text ? reinterpret_cast<const char*>(text) : "";
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int code_ = SQLITE_OK;
};

Result<std::unique_ptr<SqlCatalog>> SqlCatalog::Open(const std::string& path,
                                                     const std::string& catalog_name,
                                                     FileIo& files) {
  std::unique_ptr<SqlCatalog> catalog(new SqlCatalog(path, catalog_name, files));
  RETURN_IF_ERROR(catalog->Connect());
  return catalog;
}

SqlCatalog::~SqlCatalog() { sqlite3_close(db_); }

Status SqlCatalog::Connect() {
  int code = sqlite3_open_v2(path_.c_str(), &db_,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (code != SQLITE_OK) return Error(code, "opening the catalog");
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, kBusyMillis);
  RETURN_IF_ERROR(Execute("PRAGMA journal_mode=WAL"));
  RETURN_IF_ERROR(Execute("PRAGMA synchronous=FULL"));
  RETURN_IF_ERROR(Execute(kTables));
  // A catalog made by PyIceberg before 0.11 knows no views.
  Statement probe(db_, "SELECT iceberg_type FROM iceberg_tables LIMIT 0", {});
  has_type_column_ = probe.Step() == SQLITE_DONE;
  return Status::Ok();
}

Status SqlCatalog::Execute(const char* sql) {
  int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status::Ok() : Error(code, "preparing the catalog");
}

Status SqlCatalog::Error(int code, const std::string& doing) const {
  std::string what =
      fmt::format("{} {}: {}", doing, path_, db_ ? sqlite3_errmsg(db_) : "no memory");
  int reason = db_ ? sqlite3_system_errno(db_) : 0;
  // SQLite opens it a second time, to read only, and remembers the error of that.
  const auto folder = std::filesystem::path(path_).parent_path();
  if ((code & 0xff) == SQLITE_CANTOPEN && access(folder.c_str(), W_OK) != 0) {
    reason = errno;
  }
  if (reason != 0) what += fmt::format(" ({})", std::strerror(reason));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM: return Status::Transient(std::move(what));
    case SQLITE_FULL: return Status::Transient(what + "; free space on that disk");
    case SQLITE_IOERR: return Status::UnknownOutcome(std::move(what));
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return Status::Config(what + "; the catalog and its folder must be writable");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Status::Config(what +
                            "; restore it, or register the tables anew from their "
                            "newest metadata files");
    default: return Status::Bug(std::move(what));
  }
}

Result<std::optional<std::string>> SqlCatalog::Locate(const TableName& name) {
  Statement select(db_,
                   "SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ? "
                   "AND table_namespace = ? AND table_name = ?",
                   {catalog_name_, name.space, name.name});
  int code = select.Step();
  if (code == SQLITE_DONE) return std::optional<std::string>();
  if (code != SQLITE_ROW) {
    Status failed = Error(code, "reading the catalog");
    // Reading has no outcome.
    if (failed.kind() == ErrorKind::kUnknownOutcome) {
      return Status::Transient(failed.message());
    }
    return failed;
  }
  return std::optional<std::string>(select.Text(0));
}

Result<std::optional<LoadedTable>> SqlCatalog::Load(const TableName& name) {
  std::string seen;
  while (true) {
    ASSIGN_OR_RETURN(std::optional<std::string> location, Locate(name));
    if (!location) return std::optional<LoadedTable>();
    auto metadata = ReadMetadata(files_, *location);
    // A quick writer may have replaced and removed it meanwhile: then there is another.
    if (!metadata.ok() && *location != seen) {
      seen = *location;
      continue;
    }
    if (!metadata.ok()) return metadata.status();
    return std::optional<LoadedTable>(LoadedTable{*location, *std::move(metadata)});
  }
}

Result<std::string> SqlCatalog::WriteMetadata(const TableMetadata& metadata,
                                              int version) {
  std::string location = fmt::format("{}/{:05}-{}.metadata.json",
                                     metadata.metadata_folder(), version, NewUuid());
  RETURN_IF_ERROR(files_.Write(location, metadata.ToJson()));
  // Together with the manifests that it names and that were written before.
  RETURN_IF_ERROR(files_.Sync());
  return location;
}

Result<int> SqlCatalog::Change(Statement* statement, const std::string& doing) {
  RETURN_IF_ERROR(failpoint::Durable("iceberg.catalog.before_commit"));
  int code = statement->Step();
  if (code != SQLITE_DONE && code != SQLITE_CONSTRAINT_PRIMARYKEY) {
    return Error(code, doing);
  }
  const int changed = code == SQLITE_DONE ? sqlite3_changes(db_) : 0;
  if (Status lost = failpoint::Durable("iceberg.catalog.after_commit"); !lost.ok()) {
    return Status::UnknownOutcome(lost.message());
  }
  return changed;
}

Status SqlCatalog::AddNamespace(const std::string& space) {
  Statement insert(db_,
                   "INSERT OR IGNORE INTO iceberg_namespace_properties (catalog_name, "
                   "namespace, property_key, property_value) VALUES (?, ?, 'exists', "
                   "'true')",
                   {catalog_name_, space});
  int code = insert.Step();
  return code == SQLITE_DONE ? Status::Ok() : Error(code, "adding a namespace to");
}

Result<std::optional<LoadedTable>> SqlCatalog::Create(const TableName& name,
                                                      const TableMetadata& metadata) {
  RETURN_IF_ERROR(AddNamespace(name.space));
  ASSIGN_OR_RETURN(std::string location, WriteMetadata(metadata, 0));
  Statement insert(
      db_,
      has_type_column_
          ? "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
            "metadata_location, iceberg_type) VALUES (?, ?, ?, ?, 'TABLE')"
          : "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
            "metadata_location) VALUES (?, ?, ?, ?)",
      {catalog_name_, name.space, name.name, location});
  ASSIGN_OR_RETURN(int changed, Change(&insert, "creating a table in"));
  if (changed == 0) {
    (void)files_.Remove(location);
    return std::optional<LoadedTable>();
  }
  return std::optional<LoadedTable>(LoadedTable{location, metadata});
}

Result<std::optional<LoadedTable>> SqlCatalog::Commit(const TableName& name,
                                                      const LoadedTable& base,
                                                      TableMetadata next) {
  std::vector<std::string> fell_out =
      next.LogPrevious(base.metadata_location, base.metadata.last_updated_ms());
  int version = MetadataVersion(base.metadata_location) + 1;
  ASSIGN_OR_RETURN(std::string location, WriteMetadata(next, version));
  Statement update(db_,
                   "UPDATE iceberg_tables SET metadata_location = ?, "
                   "previous_metadata_location = ? WHERE catalog_name = ? AND "
                   "table_namespace = ? AND table_name = ? AND metadata_location = ?",
                   {location, base.metadata_location, catalog_name_, name.space,
                    name.name, base.metadata_location});
  ASSIGN_OR_RETURN(int changed, Change(&update, "committing to"));
  if (changed == 0) {
    (void)files_.Remove(location);
    return std::optional<LoadedTable>();
  }
  RemoveOldMetadata(files_, next, fell_out);
  return std::optional<LoadedTable>(LoadedTable{std::move(location), std::move(next)});
}

Result<std::vector<TableName>> SqlCatalog::List(const std::string& space) {
  Statement select(
      db_,
      has_type_column_
          ? "SELECT table_name FROM iceberg_tables WHERE catalog_name = ? AND "
            "table_namespace = ? AND (iceberg_type IS NULL OR iceberg_type = 'TABLE') "
            "ORDER BY table_name"
          : "SELECT table_name FROM iceberg_tables WHERE catalog_name = ? AND "
            "table_namespace = ? ORDER BY table_name",
      {catalog_name_, space});
  std::vector<TableName> names;
  int code;
  while ((code = select.Step()) == SQLITE_ROW) names.push_back({space, select.Text(0)});
  if (code != SQLITE_DONE) return Error(code, "listing the tables of");
  return names;
}

Status SqlCatalog::Drop(const TableName& name) {
  Statement drop(
      db_,
      "DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = "
      "? AND table_name = ?",
      {catalog_name_, name.space, name.name});
  return Change(&drop, "dropping a table from").status();
}

std::string SqlCatalog::DefaultLocation(const TableName& name) const {
  return files_.root() + "/" + name.space + "/" + name.name;
}

}  // namespace leat::iceberg
