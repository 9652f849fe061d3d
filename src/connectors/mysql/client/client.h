// One connection to a MySQL or MariaDB server for statements: connecting, TLS, a session
// that means the same on every server (UTF-8, UTC, neutral sql_mode), and errors by kind.
// Owned by one user and used from one thread at a time; Interrupt alone may be called
// from another.
// Errors: kConfig (password, privilege, unknown database: with what to do), kTransient
// (refused, lost, deadlock, too many connections, shutdown). Messages name user, host and
// port, never the password.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/client/url.h"

struct st_mysql;
struct st_mysql_res;

namespace leat::mysql {

struct ServerInfo {
  bool mariadb = false;
  int version = 0;   // 101119 for 10.11.19, 90700 for 9.7.0
  std::string text;  // as the server says it

  bool AtLeast(int wanted) const { return version >= wanted; }
};
// The oldest that we know how to read and to write.
constexpr int kLeastMariadb = 100600;
constexpr int kLeastMysql = 80000;
ServerInfo ParseServerVersion(std::string_view text);

// Column values of one row as text; nothing: NULL.
using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;

class Client {
 public:
  static Result<std::unique_ptr<Client>> Connect(const Url& url);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // A statement without rows; rows, if any come, are dropped.
  Status Execute(const std::string& sql);
  // Small results only: all of it is held.
  Result<Rows> Query(const std::string& sql);
  // The first column of the first row; nothing when there is no row or it is NULL.
  Result<std::optional<std::string>> QueryValue(const std::string& sql);
  // Several statements in one round trip; the rows of each.
  Result<std::vector<Rows>> QueryMany(const std::string& sql);

  // A large result, row by row, nothing held. Between StartRows and EndRows no other
  // statement may be sent. NextRow answers nullptr at the end; `lengths` of its values.
  Status StartRows(const std::string& sql);
  Result<char**> NextRow(const unsigned long** lengths);
  Status EndRows();  // reads what is left
  unsigned row_columns() const;

  // How long an answer may take from now on, before the connection is given up with
  // kTransient; ten minutes at first, for large queries.
  void SetReadTimeout(Micros longest);
  // Ends the connection under a statement that runs in another thread; it fails with
  // kTransient soon after. Any thread.
  void Interrupt();

  // The library's handle, for the replication commands.
  st_mysql* raw() { return connection_; }
  const ServerInfo& server() const { return server_; }
  const Url& url() const { return url_; }
  // Rows that the last statement of Execute or Query changed.
  uint64_t affected_rows() const { return affected_rows_; }
  // The server's number of the last error; 0: none.
  unsigned last_error() const { return last_error_; }

 private:
  explicit Client(const Url& url);
  Status Open(bool tls);
  Status SetUpSession();
  void SetUpSocket();
  Status Failed(std::string_view doing);
  Status Send(const std::string& sql);

  const Url url_;
  st_mysql* connection_ = nullptr;
  st_mysql_res* rows_ = nullptr;
  ServerInfo server_;
  unsigned last_error_ = 0;
  uint64_t affected_rows_ = 0;
  bool connected_ = false;
  std::atomic<int> socket_{-1};
};

// The kind of a server's or the client library's error number.
ErrorKind KindOfError(unsigned number);

std::string QuoteTable(std::string_view database, std::string_view table);
std::string QuoteText(
    std::string_view text);  // 'text', or _utf8mb4 x'...' when not plain

}  // namespace leat::mysql
