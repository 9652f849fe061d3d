#include "connectors/mysql/sink/commit_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/failpoint.h"
#include "connectors/mysql/sink/server_error.h"

namespace leat::mysql {
namespace {

constexpr unsigned kUnknownBranch = 1397;  // XAER_NOTA
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr int kTries = 500;  // as often: 10 s
constexpr std::string_view kPrefix = "leat-";
constexpr size_t kOwnerSize = 40;

int CountIn(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

CommitTable::CommitTable(std::string pipeline, std::string database, int workers)
    : pipeline_(std::move(pipeline)),
      table_(QuoteTable(database, kName)),
      workers_(workers) {}

Status CommitTable::Create(Client& client) const {
  ASSIGN_OR_RETURN(Rows there, client.Query("SELECT 1 FROM information_schema.TABLES "
                                            "WHERE TABLE_SCHEMA = " +
                                            QuoteText(client.url().database) +
                                            " AND TABLE_NAME = 'leat_commits'"));
  if (!there.empty()) return Status::Ok();
  RETURN_IF_ERROR(failpoint::Durable("mysql.commits.create"));
  return client.Execute(
      "CREATE TABLE IF NOT EXISTS " + table_ +
      " (pipeline VARCHAR(255) NOT NULL, shard VARCHAR(512) NOT NULL, "
      "owner VARCHAR(64) NOT NULL, workers INT NOT NULL DEFAULT 1, "
      "epoch BIGINT UNSIGNED NULL, attempt VARCHAR(64) NULL, token LONGTEXT NULL, "
      "pending VARCHAR(80) NULL, branch VARCHAR(80) NULL, "
      "updated_at DATETIME(6) NULL, PRIMARY KEY (pipeline, shard)) "
      "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin "
      "COMMENT='where the pipelines of leat stand; committed with their rows'");
}

std::string CommitTable::Where(const ShardId& shard) const {
  return fmt::format(" WHERE pipeline = {} AND shard = {}", QuoteText(pipeline_),
                     QuoteText(shard));
}

std::string CommitTable::Where(const std::set<ShardId>& shards) const {
  std::string names;
  for (const ShardId& shard : shards) {
    names += (names.empty() ? "" : ", ") + QuoteText(shard);
  }
  return fmt::format(" WHERE pipeline = {} AND shard IN ({})", QuoteText(pipeline_),
                     names.empty() ? "NULL" : names);
}

Result<std::optional<CommitTable::Entry>> CommitTable::Get(Client& client,
                                                           const ShardId& shard,
                                                           std::string_view lock) const {
  ASSIGN_OR_RETURN(Rows rows, client.Query(fmt::format(
                                  "SELECT owner, workers, token, pending, branch FROM "
                                  "{}{}{}",
                                  table_, Where(shard), lock)));
  if (rows.empty()) return std::optional<Entry>();
  Entry entry;
  entry.owner = rows[0][0].value_or("");
  entry.workers = CountIn(rows[0][1].value_or("1"));
  if (rows[0][2]) {
    auto token = Token::FromJson(*rows[0][2]);
    if (!token.ok()) {
      return Status::Config(fmt::format(
          "{} has a token of pipeline {}, shard {} that cannot be read ({}): was it "
          "changed by hand?",
          table_, pipeline_, shard, token.status().message()));
    }
    entry.token = *std::move(token);
  }
  entry.pending = rows[0][3].value_or("");
  entry.branch = rows[0][4].value_or("");
  return std::optional(std::move(entry));
}

Result<std::optional<Token>> CommitTable::Claim(Client& client, const ShardId& shard,
                                                const std::string& owner) const {
  RETURN_IF_ERROR(failpoint::Durable("mysql.claim.before"));
  std::optional<Entry> before;
  for (int tries = 1;; tries++) {
    auto taken = Take(client, shard, owner);
    if (taken.ok()) {
      before = *std::move(taken);
      break;
    }
    const unsigned number = client.last_error();
    (void)client.Execute("ROLLBACK");
    if (!IsConflict(number) || tries == kTries) return taken.status();
    // An epoch is under way, or its process hangs in the midst of one.
    ASSIGN_OR_RETURN(auto holder, Get(client, shard, ""));
    if (holder) {
      RETURN_IF_ERROR(EndConnections(client, holder->owner, holder->workers, false));
    }
    std::this_thread::sleep_for(kPause);
  }
  RETURN_IF_ERROR(failpoint::Durable("mysql.claim.after"));
  if (!before) return std::optional<Token>();
  if (!before->pending.empty()) RETURN_IF_ERROR(SettleEntry(client, shard, *before));
  return before->token;
}

// The row as it was under the owner before; waits for nobody.
Result<std::optional<CommitTable::Entry>> CommitTable::Take(
    Client& client, const ShardId& shard, const std::string& owner) const {
  RETURN_IF_ERROR(client.Execute("START TRANSACTION"));
  ASSIGN_OR_RETURN(auto before, Get(client, shard, " FOR UPDATE NOWAIT"));
  RETURN_IF_ERROR(client.Execute(fmt::format(
      "INSERT INTO {0} (pipeline, shard, owner, workers) VALUES ({1}, {2}, {3}, {4}) "
      "ON DUPLICATE KEY UPDATE owner = {3}, workers = {4}",
      table_, QuoteText(pipeline_), QuoteText(shard), QuoteText(owner), workers_)));
  RETURN_IF_ERROR(client.Execute("COMMIT"));
  return before;
}

Result<std::optional<Token>> CommitTable::Read(Client& client,
                                               const ShardId& shard) const {
  ASSIGN_OR_RETURN(auto entry, Get(client, shard, ""));
  return entry ? entry->token : std::nullopt;
}

Result<bool> CommitTable::Owns(Client& client, const std::set<ShardId>& shards,
                               const std::string& owner) const {
  ASSIGN_OR_RETURN(
      Rows rows, client.Query(fmt::format("SELECT shard FROM {}{} AND owner = {}", table_,
                                          Where(shards), QuoteText(owner))));
  return !rows.empty();
}

Result<std::set<ShardId>> CommitTable::Lock(Client& client,
                                            const std::set<ShardId>& shards,
                                            const std::string& owner) const {
  // Rows that others have locked are theirs already, or about to be.
  ASSIGN_OR_RETURN(Rows rows,
                   client.Query(fmt::format("SELECT shard FROM {}{} AND owner = {} ORDER "
                                            "BY shard FOR UPDATE SKIP LOCKED",
                                            table_, Where(shards), QuoteText(owner))));
  std::set<ShardId> locked;
  for (const Row& row : rows) locked.insert(row[0].value_or(""));
  return locked;
}

Result<bool> CommitTable::Swap(Client& client, const Checkpoint& checkpoint,
                               const std::string& owner) const {
  for (const ShardRange& range : checkpoint.shards) {
    const Token token = checkpoint.TokenOf(range);
    const Token* before = FindToken(range.previous, kName);
    const bool ahead = std::ranges::find(range.ahead, kName) != range.ahead.end();
    std::string set = "updated_at = UTC_TIMESTAMP(6)";
    if (!ahead) {
      set += fmt::format(", epoch = {}, attempt = {}, token = {}", token.epoch,
                         QuoteText(token.attempt), QuoteText(token.ToJson()));
    }
    const std::string previous =
        before ? fmt::format("epoch = {} AND attempt = {}", before->epoch,
                             QuoteText(before->attempt))
               : "epoch IS NULL";
    RETURN_IF_ERROR(
        client.Execute(fmt::format("UPDATE {} SET {}{} AND owner = {} AND {}", table_,
                                   set, Where(range.shard), QuoteText(owner), previous)));
    if (client.affected_rows() != 1) return false;
  }
  return true;
}

Result<CommitTable::Standing> CommitTable::Compare(Client& client,
                                                   const Checkpoint& checkpoint) const {
  bool mine = false;
  bool previous = true;
  for (const ShardRange& range : checkpoint.shards) {
    // Waits for a transaction that has changed the row, however it ends.
    ASSIGN_OR_RETURN(auto entry, Get(client, range.shard, " FOR UPDATE"));
    const std::optional<Token> now = entry ? entry->token : std::nullopt;
    const Token* before = FindToken(range.previous, kName);
    const bool ahead = std::ranges::find(range.ahead, kName) != range.ahead.end();
    mine = mine || (!ahead && now && now->SameEpoch(checkpoint.TokenOf(range)));
    previous = previous && (now ? before && now->SameEpoch(*before) : !before);
  }
  return mine ? Standing::kMine : previous ? Standing::kPrevious : Standing::kOther;
}

Result<uint64_t> CommitTable::Announce(Client& client, const std::set<ShardId>& shards,
                                       const std::string& owner,
                                       const std::string& pending) const {
  RETURN_IF_ERROR(
      client.Execute(fmt::format("UPDATE {} SET pending = {}{} AND owner = {}", table_,
                                 QuoteText(pending), Where(shards), QuoteText(owner))));
  return client.affected_rows();
}

Status CommitTable::Decide(Client& client, const std::set<ShardId>& shards,
                           const std::string& owner, const std::string& pending) const {
  return client.Execute(
      fmt::format("UPDATE {} SET branch = pending{} AND owner = {} AND pending = {}",
                  table_, Where(shards), QuoteText(owner), QuoteText(pending)));
}

Status CommitTable::Forget(Client& client, const std::set<ShardId>& shards,
                           const std::string& owner, const std::string& pending) const {
  return client.Execute(
      fmt::format("UPDATE {} SET pending = NULL{} AND owner = {} AND pending = {}",
                  table_, Where(shards), QuoteText(owner), QuoteText(pending)));
}

Status CommitTable::Settle(Client& client, const std::set<ShardId>& shards,
                           const std::string& owner) const {
  for (const ShardId& shard : shards) {
    ASSIGN_OR_RETURN(auto entry, Get(client, shard, ""));
    if (entry && entry->owner == owner && !entry->pending.empty()) {
      RETURN_IF_ERROR(SettleEntry(client, shard, *entry));
    }
  }
  return Status::Ok();
}

std::string CommitTable::Pending(const std::string& owner, uint64_t number, int count) {
  return fmt::format("{}{}-{}/{}", kPrefix, owner.substr(0, kOwnerSize), number, count);
}

std::string CommitTable::BranchName(const std::string& pending) {
  return pending.substr(0, pending.rfind('/'));
}

Status CommitTable::SettleEntry(Client& client, const ShardId& shard,
                                const Entry& entry) const {
  const std::string name = BranchName(entry.pending);
  const size_t dash = name.rfind('-');
  if (!name.starts_with(kPrefix) || name.size() == entry.pending.size() ||
      dash < kPrefix.size()) {
    return Status::Config(
        fmt::format("{} has `pending` {} for shard {} of pipeline {}, which names no "
                    "branches: was it changed by hand?",
                    table_, QuoteText(entry.pending), shard, pipeline_));
  }
  // Of the process that announced them, whoever has owned the shard since. While its
  // connections live, a branch can be prepared after it was looked for.
  const std::string owner = name.substr(kPrefix.size(), dash - kPrefix.size());
  const int count = CountIn(&entry.pending[name.size() + 1]);
  RETURN_IF_ERROR(EndConnections(client, owner, count, true));
  const bool decided = entry.branch == entry.pending;
  for (int i = 0; i < count; i++) {
    const Status settled = client.Execute(fmt::format(
        "XA {} {}, '{}'", decided ? "COMMIT" : "ROLLBACK", QuoteText(name), i));
    if (!settled.ok() && client.last_error() != kUnknownBranch) {
      return settled.Within(fmt::format("settling branch {} of shard {}", i, shard));
    }
  }
  RETURN_IF_ERROR(failpoint::Durable("mysql.branches.settled"));
  return client.Execute(fmt::format("UPDATE {} SET pending = NULL{} AND pending = {}",
                                    table_, Where(shard), QuoteText(entry.pending)));
}

std::string CommitTable::LockName(const std::string& owner, int connection) {
  return fmt::format("{}{}-{}", kPrefix, owner.substr(0, kOwnerSize), connection);
}

Status CommitTable::EndConnections(Client& client, const std::string& owner, int workers,
                                   bool wait) const {
  for (int i = 0; i <= workers; i++) {
    const std::string holder =
        fmt::format("SELECT NULLIF(IS_USED_LOCK({}), CONNECTION_ID())",
                    QuoteText(LockName(owner, i)));
    for (int tries = 1;; tries++) {
      ASSIGN_OR_RETURN(auto id, client.QueryValue(holder));
      if (!id) break;
      // One that ends by itself, or that another account may end only, is no error yet:
      // its locks are what tells.
      if (tries == 1) (void)client.Execute("KILL " + *id);
      if (!wait) break;
      if (tries == kTries) {
        return Status::Transient(fmt::format(
            "connection {} of the process that wrote before does not end", *id));
      }
      std::this_thread::sleep_for(kPause);
    }
  }
  return Status::Ok();
}

}  // namespace leat::mysql
