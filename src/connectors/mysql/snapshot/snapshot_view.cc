#include "connectors/mysql/snapshot/snapshot_view.h"

#include <fmt/format.h>

#include <charconv>

namespace leat::mysql {
namespace {

constexpr std::string_view kOpen =
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
constexpr unsigned kLockWaitTimeout = 1205;
constexpr int kTriesWithoutLock = 50;
constexpr auto kLockPause = std::chrono::milliseconds(200);
constexpr int kLockTries = 150;

const std::string kNone;

const std::string& TextAt(const Row& row, size_t i) {
  return i < row.size() && row[i] ? *row[i] : kNone;
}

Result<LogMark> MarkOf(const std::string& file, const std::string& offset,
                       const Url& url) {
  LogMark mark{file, 0};
  auto [end, error] =
      std::from_chars(offset.data(), offset.data() + offset.size(), mark.offset);
  if (file.empty() || error != std::errc()) {
    return Status::Config(fmt::format(
        "the binary log of {} is off: put log_bin=binlog and server_id=1 into the "
        "server's my.cnf under [mysqld] and restart it",
        url.Where()));
  }
  return mark;
}

Result<LogMark> MarkOf(const Rows& status, const Url& url) {
  return status.empty() ? MarkOf(kNone, kNone, url)
                        : MarkOf(TextAt(status[0], 0), TextAt(status[0], 1), url);
}

}  // namespace

Result<std::unique_ptr<SnapshotView>> SnapshotView::Connect(const Url& url) {
  ASSIGN_OR_RETURN(std::unique_ptr<Client> client, Client::Connect(url));
  // Below REPEATABLE READ the server ignores WITH CONSISTENT SNAPSHOT.
  RETURN_IF_ERROR(
      client->Execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  return std::unique_ptr<SnapshotView>(new SnapshotView(std::move(client)));
}

std::string SnapshotView::LogStatus() const {
  bool renamed = !client_->server().mariadb && client_->server().AtLeast(80200);
  return renamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

Result<LogMark> SnapshotView::LogEndOf(Client* client) {
  ASSIGN_OR_RETURN(Rows status, client->Query(LogStatus()));
  return MarkOf(status, client_->url());
}

Result<LogMark> SnapshotView::LogEnd() { return LogEndOf(client_.get()); }

// MariaDB opens the view and notes the log's position under one lock of its own, and says
// it in these two variables (its documentation of START TRANSACTION).
Result<LogMark> SnapshotView::OpenMariadb() {
  ASSIGN_OR_RETURN(
      std::vector<Rows> results,
      client_->QueryMany(fmt::format("{}; SHOW STATUS LIKE 'binlog_snapshot_%'", kOpen)));
  std::string file;
  std::string offset;
  for (const Row& row : results.empty() ? Rows() : results.back()) {
    if (TextAt(row, 0) == "Binlog_snapshot_file") file = TextAt(row, 1);
    if (TextAt(row, 0) == "Binlog_snapshot_position") offset = TextAt(row, 1);
  }
  return MarkOf(file, offset, client_->url());
}

// MySQL has no such variables. A transaction gets its GTID before it is written to the
// log and owns it until it is visible. So when the log stands still from before to after
// the view was opened, and between them no GTID was owned, then all that is in front of
// that place is visible and nothing else is.
Result<bool> SnapshotView::TryWithoutLock(LogMark* mark) {
  ASSIGN_OR_RETURN(std::vector<Rows> results,
                   client_->QueryMany(fmt::format("{0}; SELECT @@GLOBAL.gtid_mode, "
                                                  "@@GLOBAL.gtid_owned; {1}; {0}",
                                                  LogStatus(), kOpen)));
  if (results.size() != 3) return Status::Bug("a reply to four statements is incomplete");
  ASSIGN_OR_RETURN(*mark, MarkOf(results[0], client_->url()));
  ASSIGN_OR_RETURN(LogMark after, MarkOf(results[2], client_->url()));
  const Row empty;
  const Row& gtids = results[1].empty() ? empty : results[1][0];
  bool exact = TextAt(gtids, 0) == "ON" && TextAt(gtids, 1).empty() && *mark == after;
  if (!exact) RETURN_IF_ERROR(client_->Execute("ROLLBACK"));
  return exact;
}

Result<bool> SnapshotView::LockTable(Client* client, const CatalogTable& table) {
  Status locked =
      client->Execute(fmt::format("SET SESSION lock_wait_timeout=1; LOCK TABLES {} READ",
                                  QuoteTable(table.def.id.database, table.def.id.table)));
  if (!locked.ok() && client->last_error() == kLockWaitTimeout) return false;
  RETURN_IF_ERROR(locked);
  return true;
}

// Nobody holds the table for writing while it is locked, so each change of it is either
// committed and in front of the log's end, or has not begun. The lock is let go as soon
// as the view is open; a table without transactions stays locked while it is read.
Result<bool> SnapshotView::TryWithLock(const CatalogTable& table, LogMark* mark) {
  Client* locker = client_.get();
  if (table.transactional()) {
    if (!locker_) {
      ASSIGN_OR_RETURN(locker_, Client::Connect(client_->url()));
    }
    locker = locker_.get();
  }
  ASSIGN_OR_RETURN(bool locked, LockTable(locker, table));
  if (!locked) return false;
  ASSIGN_OR_RETURN(*mark, LogEndOf(locker));
  if (locker == client_.get()) return true;
  Status opened = client_->Execute(std::string(kOpen));
  Status unlocked = locker->Execute("UNLOCK TABLES");
  RETURN_IF_ERROR(opened);
  RETURN_IF_ERROR(unlocked);
  return true;
}

Result<LogMark> SnapshotView::Open(const CatalogTable& table, const CancelToken& cancel) {
  bool transactional = table.transactional();
  if (client_->server().mariadb && transactional) return OpenMariadb();
  LogMark mark;
  for (int i = 0; transactional && i < kTriesWithoutLock; i++) {
    ASSIGN_OR_RETURN(bool opened, TryWithoutLock(&mark));
    if (opened) return mark;
  }
  for (int i = 0; i < kLockTries; i++) {
    ASSIGN_OR_RETURN(bool opened, TryWithLock(table, &mark));
    if (opened) return mark;
    if (cancel.WaitFor(kLockPause)) return Status::Cancelled("asked to stop");
  }
  return Status::Transient(fmt::format(
      "{} could not be locked for an instant: a transaction that changed it stays open; "
      "SHOW FULL PROCESSLIST on {} shows which",
      table.def.id.ToString(), client_->url().Where()));
}

Status SnapshotView::OpenForAll() { return client_->Execute(std::string(kOpen)); }

Status SnapshotView::Close() { return client_->Execute("UNLOCK TABLES; ROLLBACK"); }

}  // namespace leat::mysql
