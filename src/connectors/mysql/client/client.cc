#include "connectors/mysql/client/client.h"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <mutex>

// The library's inner headers, with what they expect to be there: options of a connection
// that is open are reached through them only.
typedef unsigned char uchar;  // NOLINT
#define HAVE_TLS
#include <ma_pvio.h>

#include "base/text.h"

namespace leat::mysql {
namespace {

constexpr unsigned kReadTimeoutSeconds = 600;
constexpr unsigned kWriteTimeoutSeconds = 60;

// Numbers that the headers of one of the two servers lack.
constexpr unsigned kAccessDeniedNoPassword = 1698;
constexpr unsigned kConnectionKilled = 1927;
constexpr unsigned kStatementTimeout = 1969;  // MariaDB
constexpr unsigned kQueryTimeout = 3024;      // MySQL
constexpr unsigned kServerIsolated = 1836;    // read only mode
constexpr unsigned kLockedNoWait = 3572;      // MySQL
constexpr unsigned kClientInteractionTimeout = 4031;

std::string Backquoted(std::string_view name) {
  std::string quoted = "`";
  for (char c : name) {
    if (c == '`') quoted += '`';
    quoted += c;
  }
  return quoted + '`';
}

std::string AdviceFor(unsigned number, const Url& url) {
  switch (number) {
    case ER_ACCESS_DENIED_ERROR:
    case kAccessDeniedNoPassword:
      return fmt::format(
          "wrong password, or no such account for this client's address: check user and "
          "password in the url, or run CREATE USER {}@'%' IDENTIFIED BY '...'",
          url.user);
    case ER_DBACCESS_DENIED_ERROR:
      return fmt::format("run GRANT SELECT ON {}.* TO {}@'%'",
                         url.database.empty() ? "*" : Backquoted(url.database), url.user);
    case ER_BAD_DB_ERROR:
      return "check the database's name in the url; SHOW DATABASES lists those the user "
             "may see";
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
      return fmt::format("run GRANT SELECT ON the table TO {}@'%'", url.user);
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
      return fmt::format("run GRANT with the privilege named here ON *.* TO {}@'%'",
                         url.user);
    case ER_HOST_NOT_PRIVILEGED:
      return fmt::format("no account lets this machine in: run CREATE USER {}@'%'",
                         url.user);
    case CR_SSL_CONNECTION_ERROR:
      return url.tls == Url::Tls::kVerify
                 ? "the url says tls=verify: give the authority of the server's "
                   "certificate with ca=FILE, and a host name that is in the certificate"
                 : "the server's TLS does not work with this client: mend it, or say "
                   "tls=off in the url";
    case CR_CONN_HOST_ERROR:
    case CR_CONNECTION_ERROR:
      return "nothing answers there: is the server up, and are host and port right?";
    case CR_UNKNOWN_HOST: return "check the host's name in the url";
    case ER_CON_COUNT_ERROR: return "raise max_connections or close other connections";
    default: return "";
  }
}

void InitLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
}

Row CopyRow(MYSQL_ROW row, const unsigned long* lengths, unsigned columns) {
  Row copy(columns);
  for (unsigned i = 0; i < columns; i++) {
    if (row[i]) copy[i].emplace(row[i], lengths[i]);
  }
  return copy;
}

Rows CopyRows(MYSQL_RES* result) {
  Rows rows;
  unsigned columns = mysql_num_fields(result);
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    rows.push_back(CopyRow(row, mysql_fetch_lengths(result), columns));
  }
  return rows;
}

bool IsBrokenOff(const std::string& tls_error) {
  for (const char* part : {"reset", "unexpected eof", "timed out", "SYSCALL", "Broken"}) {
    if (tls_error.find(part) != std::string::npos) return true;
  }
  return false;
}

bool IsPlain(std::string_view text) {
  for (char c : text) {
    if (c < ' ' || c > '~' || c == '\'' || c == '\\') return false;
  }
  return true;
}

}  // namespace

ErrorKind KindOfError(unsigned number) {
  switch (number) {
    case ER_CON_COUNT_ERROR:
    case ER_OUT_OF_RESOURCES:
    case ER_SERVER_SHUTDOWN:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_TABLE_FULL:
    case ER_HOST_IS_BLOCKED:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
    case ER_ABORTING_CONNECTION:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case ER_QUERY_INTERRUPTED:
    case ER_TABLE_DEF_CHANGED:
    case kLockedNoWait:
    case kServerIsolated:
    case kConnectionKilled:
    case kStatementTimeout:
    case kQueryTimeout:
    case kClientInteractionTimeout: return ErrorKind::kTransient;
    case CR_SSL_CONNECTION_ERROR:
    case CR_AUTH_PLUGIN_CANNOT_LOAD: return ErrorKind::kConfig;
    case CR_COMMANDS_OUT_OF_SYNC: return ErrorKind::kBug;
    default:
      return number >= CR_MIN_ERROR && number < 3000 ? ErrorKind::kTransient
                                                     : ErrorKind::kConfig;
  }
}

ServerInfo ParseServerVersion(std::string_view text) {
  ServerInfo info;
  info.text = std::string(text);
  info.mariadb = text.find("MariaDB") != std::string_view::npos;
  // What old MariaDB servers put in front for replicas that expect MySQL.
  if (info.mariadb && text.starts_with("5.5.5-")) text.remove_prefix(6);
  int parts[3] = {0, 0, 0};
  const char* at = text.data();
  const char* end = at + text.size();
  for (int& part : parts) {
    auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc()) break;
    at = next;
    if (at == end || *at != '.') break;
    at++;
  }
  info.version = parts[0] * 10000 + parts[1] * 100 + parts[2];
  return info;
}

Client::Client(const Url& url) : url_(url) {}

Client::~Client() {
  socket_ = -1;
  if (!connection_) return;
  // Closing a connection with rows under way would read them all first.
  if (rows_) shutdown(static_cast<int>(mysql_get_socket(connection_)), SHUT_RDWR);
  if (rows_) mysql_free_result(rows_);
  mysql_close(connection_);
}

Result<std::unique_ptr<Client>> Client::Connect(const Url& url) {
  InitLibrary();
  if (!url.ca.empty() && access(url.ca.c_str(), R_OK) != 0) {
    return Status::Config(
        fmt::format("the url says tls=verify&ca={}, and that file cannot be read: {}",
                    url.ca, std::strerror(errno)));
  }
  std::unique_ptr<Client> client(new Client(url));
  Status opened = client->Open(url.tls != Url::Tls::kOff);
  if (!opened.ok() && url.tls == Url::Tls::kPrefer &&
      client->last_error_ == CR_SSL_CONNECTION_ERROR) {
    opened = client->Open(false);
  }
  RETURN_IF_ERROR(opened);
  client->SetUpSocket();
  RETURN_IF_ERROR(client->SetUpSession());
  return client;
}

Status Client::Open(bool tls) {
  if (connection_) mysql_close(connection_);
  connection_ = mysql_init(nullptr);
  if (!connection_) return Status::Bug("mysql_init: out of memory");
  auto connect_seconds = static_cast<unsigned>(
      std::chrono::ceil<std::chrono::seconds>(url_.connect_timeout).count());
  my_bool no = 0;
  my_bool yes = 1;
  my_bool verify = url_.tls == Url::Tls::kVerify;
  mysql_options(connection_, MYSQL_OPT_CONNECT_TIMEOUT, &connect_seconds);
  mysql_options(connection_, MYSQL_OPT_READ_TIMEOUT, &kReadTimeoutSeconds);
  mysql_options(connection_, MYSQL_OPT_WRITE_TIMEOUT, &kWriteTimeoutSeconds);
  mysql_options(connection_, MYSQL_OPT_RECONNECT, &no);
  mysql_options(connection_, MYSQL_OPT_LOCAL_INFILE, &no);
  mysql_options(connection_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options4(connection_, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "leat");
  if (tls) {
    mysql_options(connection_, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(connection_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (!url_.ca.empty()) mysql_options(connection_, MYSQL_OPT_SSL_CA, url_.ca.c_str());
  }
  bool local = !url_.socket.empty();
  // Else the library takes "localhost" for a socket of its own choice.
  unsigned protocol = local ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
  mysql_options(connection_, MYSQL_OPT_PROTOCOL, &protocol);
  if (!mysql_real_connect(connection_, local ? nullptr : url_.host.c_str(),
                          url_.user.c_str(), url_.RevealPassword().c_str(),
                          url_.database.empty() ? nullptr : url_.database.c_str(),
                          url_.port, local ? url_.socket.c_str() : nullptr,
                          CLIENT_MULTI_STATEMENTS)) {
    return Failed("connecting");
  }
  last_error_ = 0;
  connected_ = true;
  return Status::Ok();
}

// A peer that vanished without a word is noticed within a minute and a half.
void Client::SetUpSocket() {
  int fd = static_cast<int>(mysql_get_socket(connection_));
  socket_ = fd;
  if (!url_.socket.empty()) return;
  int on = 1;
  int idle = 30;
  int interval = 10;
  int count = 6;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

Status Client::SetUpSession() {
  ASSIGN_OR_RETURN(std::optional<std::string> version, QueryValue("SELECT VERSION()"));
  server_ = ParseServerVersion(version.value_or(""));
  std::string sql =
      "SET SESSION time_zone='+00:00', SESSION sql_mode='', "
      "SESSION sql_select_limit=DEFAULT, SESSION net_write_timeout=3600, "
      "SESSION lock_wait_timeout=30, SESSION wait_timeout=28800, ";
  sql +=
      server_.mariadb ? "SESSION max_statement_time=0" : "SESSION max_execution_time=0";
  return Execute(sql);
}

Status Client::Failed(std::string_view doing) {
  last_error_ = mysql_errno(connection_);
  const std::string text = mysql_error(connection_);
  ErrorKind kind = KindOfError(last_error_);
  std::string advice = AdviceFor(last_error_, url_);
  // TLS that breaks off is a lost connection; TLS that is refused is the user's.
  if (last_error_ == CR_SSL_CONNECTION_ERROR && (connected_ || IsBrokenOff(text))) {
    kind = ErrorKind::kTransient;
    advice = "the connection was lost";
  }
  return {kind, fmt::format("{} at {}: {} ({}){}{}", doing, url_.Where(), text,
                            last_error_, advice.empty() ? "" : "; ", advice)};
}

Status Client::Send(const std::string& sql) {
  if (rows_) return Status::Bug("a statement was sent while rows were being read");
  last_error_ = 0;
  if (mysql_real_query(connection_, sql.data(), sql.size()) != 0) {
    return Failed("a statement failed");
  }
  return Status::Ok();
}

Status Client::Execute(const std::string& sql) {
  ASSIGN_OR_RETURN(std::vector<Rows> dropped, QueryMany(sql));
  return Status::Ok();
}

Result<Rows> Client::Query(const std::string& sql) {
  ASSIGN_OR_RETURN(std::vector<Rows> results, QueryMany(sql));
  return results.empty() ? Rows() : std::move(results.front());
}

Result<std::optional<std::string>> Client::QueryValue(const std::string& sql) {
  ASSIGN_OR_RETURN(Rows rows, Query(sql));
  if (rows.empty() || rows[0].empty()) return std::optional<std::string>();
  return std::move(rows[0][0]);
}

Result<std::vector<Rows>> Client::QueryMany(const std::string& sql) {
  RETURN_IF_ERROR(Send(sql));
  std::vector<Rows> results;
  for (;;) {
    MYSQL_RES* result = mysql_store_result(connection_);
    affected_rows_ = mysql_affected_rows(connection_);
    if (result) {
      results.push_back(CopyRows(result));
      mysql_free_result(result);
    } else if (mysql_errno(connection_) != 0) {
      return Failed("a statement failed");
    }
    int more = mysql_next_result(connection_);
    if (more > 0) return Failed("a statement failed");
    if (more < 0) return results;
  }
}

Status Client::StartRows(const std::string& sql) {
  RETURN_IF_ERROR(Send(sql));
  rows_ = mysql_use_result(connection_);
  if (!rows_) return Failed("a query failed");
  return Status::Ok();
}

Result<char**> Client::NextRow(const unsigned long** lengths) {
  MYSQL_ROW row = mysql_fetch_row(rows_);
  if (row) {
    *lengths = mysql_fetch_lengths(rows_);
  } else if (mysql_errno(connection_) != 0) {
    return Failed("reading rows");
  }
  return row;
}

Status Client::EndRows() {
  if (!rows_) return Status::Ok();
  mysql_free_result(rows_);
  rows_ = nullptr;
  return mysql_errno(connection_) != 0 ? Failed("reading rows") : Status::Ok();
}

unsigned Client::row_columns() const { return rows_ ? mysql_num_fields(rows_) : 0; }

void Client::SetReadTimeout(Micros longest) {
  connection_->net.pvio->timeout[PVIO_READ_TIMEOUT] =
      static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(longest).count());
}

void Client::Interrupt() {
  int fd = socket_;
  if (fd >= 0) shutdown(fd, SHUT_RDWR);
}

std::string QuoteTable(std::string_view database, std::string_view table) {
  return Backquoted(database) + '.' + Backquoted(table);
}

std::string QuoteText(std::string_view text) {
  if (IsPlain(text)) return fmt::format("'{}'", text);
  std::string quoted = "_utf8mb4 x'";
  AppendHex(text, &quoted);
  return quoted + '\'';
}

}  // namespace leat::mysql
