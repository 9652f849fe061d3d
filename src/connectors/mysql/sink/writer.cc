#include "connectors/mysql/sink/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "connectors/mysql/sink/commit_table.h"
#include "connectors/mysql/sink/row_fault.h"
#include "connectors/mysql/sink/server_error.h"

namespace leat::mysql {
namespace {

// A packet has more than values: the statement's number, types, nulls.
constexpr size_t kPacketRest = 16 << 10;
constexpr size_t kMostStatementBytes = 4 << 20;
constexpr auto kFresh = std::chrono::seconds(1);
// Tables and changes whose statements stay prepared: a server counts those of all.
constexpr size_t kMostPrepared = 200;

}  // namespace

Status SetUpSinkSession(Client& client, const SinkOptions& options, int lock_wait) {
  // A number or text that a column cannot hold is an error, in every engine; 0 is a value
  // like others for a column that counts up by itself.
  RETURN_IF_ERROR(client.Execute(
      fmt::format("SET SESSION sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,"
                  "NO_ENGINE_SUBSTITUTION', SESSION foreign_key_checks={}, "
                  "SESSION innodb_lock_wait_timeout={}",
                  options.foreign_key_checks ? 1 : 0, lock_wait)));
  // Fewer locks between rows. Servers that log statements want them.
  ASSIGN_OR_RETURN(Rows format, client.Query("SHOW VARIABLES LIKE 'binlog_format'"));
  if (!format.empty() && format[0][1].value_or("") == "STATEMENT") return Status::Ok();
  return client.Execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
}

Writer::Writer(const SinkOptions& options, int number, int lock_wait)
    : options_(options), number_(number), lock_wait_(lock_wait) {}

Status Writer::Note(const Status& status) {
  const unsigned number = client_ && !status.ok() ? client_->last_error() : 0;
  conflict_ = IsConflict(number);
  return status;
}

Result<Client*> Writer::Connected(const std::string& owner) {
  if (!client_) {
    Status ready = SetUp(owner);
    if (!ready.ok()) {
      client_.reset();
      return ready;
    }
  }
  return client_.get();
}

Status Writer::SetUp(const std::string& owner) {
  ASSIGN_OR_RETURN(client_, Client::Connect(options_.url));
  RETURN_IF_ERROR(SetUpSinkSession(*client_, options_, lock_wait_));
  if (!owner.empty()) RETURN_IF_ERROR(TakeName(CommitTable::LockName(owner, number_)));
  ASSIGN_OR_RETURN(auto packet, client_->QueryValue("SELECT @@max_allowed_packet"));
  const std::string text = packet.value_or("");
  std::from_chars(text.data(), text.data() + text.size(), packet_);
  packet_ = std::max<size_t>(packet_, 2 * kPacketRest);
  most_bytes_ = std::min(packet_ - kPacketRest, kMostStatementBytes);
  return Status::Ok();
}

// By this name a later owner finds the connection, to end it.
Status Writer::TakeName(const std::string& name) {
  ASSIGN_OR_RETURN(auto taken, client_->QueryValue(fmt::format("SELECT GET_LOCK({}, 10)",
                                                               QuoteText(name))));
  if (taken.value_or("") == "1") return Status::Ok();
  return Status::Transient("an older connection of this process has not ended at " +
                           options_.url.Where());
}

// A connection that was idle for long may be gone.
Result<Client*> Writer::Ready(const std::string& owner) {
  const auto now = std::chrono::steady_clock::now();
  if (client_ && now - used_ > kFresh && !client_->Execute("DO 0").ok()) Disconnect();
  used_ = now;
  return Connected(owner);
}

Status Writer::Begin(const std::string& owner, const std::string& branch) {
  prepared_ = false;
  branch_ = branch;
  if (branch.empty()) {
    RETURN_IF_ERROR(Ready(owner).status());
  } else if (!client_) {
    return Status::Transient("the connection to " + options_.url.Where() + " was lost");
  }
  Status begun = Note(client_->Execute(
      branch.empty() ? "START TRANSACTION"
                     : fmt::format("XA START {}, '{}'", QuoteText(branch), number_)));
  began_ = begun.ok();
  if (!begun.ok()) Disconnect();
  return begun;
}

Result<RowStatement*> Writer::Find(const std::shared_ptr<const TablePlan>& plan,
                                   Change change) {
  if (statements_.size() >= kMostPrepared) statements_.clear();
  auto& statement = statements_[{plan->shape.source->id, change}];
  if (!statement || &statement->plan() != plan.get()) {
    statement.reset();
    ASSIGN_OR_RETURN(statement, RowStatement::Make(*client_, plan, change));
  }
  return statement.get();
}

void Writer::Forget(const TableId& table) {
  std::erase_if(statements_, [&](const auto& s) { return s.first.first == table; });
}

Status Writer::Write(const std::shared_ptr<const TablePlan>& plan, Change change,
                     const RowBatches& batches, std::span<const RowRef> rows,
                     const Reject& reject) {
  conflict_ = false;
  ASSIGN_OR_RETURN(RowStatement * statement, Find(plan, change));
  const auto most = static_cast<size_t>(options_.batch_rows);
  for (size_t at = 0; at < rows.size(); at += most) {
    const auto some = rows.subspan(at, std::min(most, rows.size() - at));
    RETURN_IF_ERROR(Run(*statement, batches, some, reject));
  }
  return Status::Ok();
}

Status Writer::Clear(const TablePlan& plan) {
  return Note(client_->Execute("DELETE FROM " + plan.name));
}

Status Writer::Run(RowStatement& statement, const RowBatches& batches,
                   std::span<const RowRef> rows, const Reject& reject) {
  if (rows.empty()) return Status::Ok();
  const std::vector<RowFault> faults = statement.Fill(batches, rows);
  if (!faults.empty()) {
    std::vector<bool> faulty(rows.size());
    for (const RowFault& fault : faults) {
      if (!faulty[fault.row]) reject(rows[fault.row], fault.reason);
      faulty[fault.row] = true;
    }
    std::vector<RowRef> good;
    for (size_t i = 0; i < rows.size(); i++) {
      if (!faulty[i]) good.push_back(rows[i]);
    }
    return Run(statement, batches, good, reject);
  }
  size_t bytes = 0;
  for (size_t i = 0; i < rows.size(); i++) bytes += statement.Bytes(i);
  if (bytes > most_bytes_ && rows.size() > 1) {
    return RunHalves(statement, batches, rows, reject);
  }
  if (bytes > packet_ - kPacketRest) {
    reject(rows[0], fmt::format("a row of {} bytes is more than the server takes: its "
                                "max_allowed_packet is {}",
                                bytes, packet_));
    return Status::Ok();
  }
  RETURN_IF_ERROR(Note(client_->Execute("SAVEPOINT leat")));
  const ServerError error = statement.Execute();
  if (error.number == 0) return Status::Ok();
  if (!IsRowError(error.number) && !IsChangedValue(error.number)) {
    return Failed(statement, error);
  }
  RETURN_IF_ERROR(Note(client_->Execute("ROLLBACK TO SAVEPOINT leat")));
  if (rows.size() > 1) return RunHalves(statement, batches, rows, reject);
  reject(rows[0],
         ReasonOf(statement.plan(), *batches[rows[0].batch], rows[0].row, error));
  return Status::Ok();
}

Status Writer::RunHalves(RowStatement& statement, const RowBatches& batches,
                         std::span<const RowRef> rows, const Reject& reject) {
  const size_t half = rows.size() / 2;
  RETURN_IF_ERROR(Run(statement, batches, rows.first(half), reject));
  return Run(statement, batches, rows.subspan(half), reject);
}

Status Writer::Failed(const RowStatement& statement, const ServerError& error) {
  conflict_ = IsConflict(error.number);
  return {KindOfError(error.number),
          fmt::format("writing table {} at {}: {} ({})",
                      statement.plan().target.id.ToString(), options_.url.Where(),
                      error.text, error.number)};
}

Status Writer::Prepare() {
  const std::string name = fmt::format("{}, '{}'", QuoteText(branch_), number_);
  RETURN_IF_ERROR(Note(client_->Execute("XA END " + name)));
  prepared_ = true;
  return Note(client_->Execute("XA PREPARE " + name));
}

Status Writer::Commit() {
  began_ = false;
  return Note(client_->Execute(
      branch_.empty() ? "COMMIT"
                      : fmt::format("XA COMMIT {}, '{}'", QuoteText(branch_), number_)));
}

void Writer::Rollback() {
  conflict_ = false;
  if (!began_) return;
  began_ = false;
  // What is not prepared ends with its connection, whatever state it is in.
  const bool undone =
      client_ &&
      (branch_.empty()
           ? client_->Execute("ROLLBACK").ok()
           : prepared_ && client_
                              ->Execute(fmt::format("XA ROLLBACK {}, '{}'",
                                                    QuoteText(branch_), number_))
                              .ok());
  if (!undone) Disconnect();
}

void Writer::Disconnect() {
  statements_.clear();
  client_.reset();
  began_ = false;
}

}  // namespace leat::mysql
