// The transaction of MysqlSink: begun with the first row, decided by the tokens.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/failpoint.h"
#include "connectors/mysql/sink/sink.h"

namespace leat::mysql {
namespace {

Status Fenced(const std::string& pipeline, const std::string& where) {
  return Status::Fenced(
      fmt::format("another process went on with pipeline {} at {}: this one stops and "
                  "leaves it alone",
                  pipeline, where));
}

}  // namespace

Status MysqlSink::Begin() {
  if (began_) return Status::Ok();
  touched_.clear();
  branch_.clear();
  decided_ = false;
  uint64_t announced = 0;
  if (branched()) {
    // Whoever takes over has to know of the branches before there are any, and to find
    // every connection that could prepare one.
    for (auto& writer : writers_) RETURN_IF_ERROR(writer->Ready(owner_).status());
    pending_ = CommitTable::Pending(owner_, ++branches_, options_.workers);
    branch_ = CommitTable::BranchName(pending_);
    ASSIGN_OR_RETURN(Client * control, Control());
    ASSIGN_OR_RETURN(announced, commits_.Announce(*control, shards_, owner_, pending_));
    RETURN_IF_ERROR(failpoint::Durable("mysql.branches.announced"));
  }
  Writer& tokens = token_writer();
  RETURN_IF_ERROR(tokens.Begin(owner_, ""));
  began_ = true;
  // Held to the end: a new owner has to end this transaction first. Without a lock no row
  // is written, for those of the rows would be in the way of somebody who knows of none.
  // Who claimed a shard between the announcement and the lock holds its branches to be
  // undecided, whatever comes.
  ASSIGN_OR_RETURN(auto locked, commits_.Lock(*tokens.client(), shards_, owner_));
  if (locked.empty() || (branched() && locked.size() != announced)) {
    return Status::Transient("somebody else is taking over at " + options_.url.Where());
  }
  // Shards that were given up since are others' to lock.
  shards_ = std::move(locked);
  return Status::Ok();
}

Status MysqlSink::BeginWriter(Writer& writer) {
  return writer.began() ? Status::Ok() : writer.Begin(owner_, branch_);
}

void MysqlSink::Rollback() {
  if (decided_) return Disconnect();
  for (auto& writer : writers_) writer->Rollback();
  tokens_.Rollback();
  began_ = false;
  touched_.clear();
}

void MysqlSink::Disconnect() {
  for (auto& writer : writers_) writer->Disconnect();
  tokens_.Disconnect();
  control_.Disconnect();
  began_ = decided_ = false;
  touched_.clear();
}

Status MysqlSink::ForEachWriter(const std::function<Status(Writer&)>& task) {
  std::vector<Status> results(writers_.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < writers_.size(); i++) {
    if (!writers_[i]->began()) continue;
    threads.emplace_back([&, i] { results[i] = task(*writers_[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& result : results) RETURN_IF_ERROR(result);
  return Status::Ok();
}

Result<Prepared> MysqlSink::Prepare() {
  Prepared prepared;
  if (began_) prepared.tables = {CommitTable::kName};
  return prepared;
}

Result<Committed> MysqlSink::Commit(const Checkpoint& checkpoint) {
  if (unknown_) return Settle(checkpoint);
  const Status decided = Decide(checkpoint);
  unknown_ = decided.kind() == ErrorKind::kUnknownOutcome;
  // What is on its way is not to be rolled back, but found out about.
  if (unknown_) {
    Disconnect();
    return decided;
  }
  if (!decided.ok()) {
    Rollback();
    return Explain(decided);
  }
  began_ = decided_ = false;
  touched_.clear();
  StartAnew();
  return Committed{};
}

Status MysqlSink::Decide(const Checkpoint& checkpoint) {
  const bool branches = branched() && began_;
  Writer& tokens = token_writer();
  if (!began_) {
    branch_.clear();
    RETURN_IF_ERROR(tokens.Begin(owner_, ""));
    began_ = true;
  }
  if (branches) {
    RETURN_IF_ERROR(failpoint::Durable("mysql.branches.prepare"));
    RETURN_IF_ERROR(ForEachWriter([](Writer& writer) { return writer.Prepare(); }));
    RETURN_IF_ERROR(failpoint::Durable("mysql.branches.prepared"));
  }
  ASSIGN_OR_RETURN(const bool swapped,
                   commits_.Swap(*tokens.client(), checkpoint, owner_));
  if (!swapped) {
    // Committed before, it is there already, and these rows are one too many.
    Rollback();
    ASSIGN_OR_RETURN(Client * control, Control());
    ASSIGN_OR_RETURN(const auto standing, commits_.Compare(*control, checkpoint));
    if (standing == CommitTable::Standing::kMine) return Status::Ok();
    return Fenced(context_.pipeline, options_.url.Where());
  }
  // Shards that did not move have announced the same branches.
  if (branches) {
    RETURN_IF_ERROR(commits_.Decide(*tokens.client(), shards_, owner_, pending_));
  }
  RETURN_IF_ERROR(failpoint::Durable("mysql.commit.before"));
  const Status committed = tokens.Commit();
  if (!committed.ok()) return Status::UnknownOutcome(committed.message());
  decided_ = branches;
  RETURN_IF_ERROR(failpoint::Durable("mysql.commit.after"));
  if (!branches) return Status::Ok();
  const Status rest = ForEachWriter([](Writer& writer) { return writer.Commit(); });
  if (!rest.ok()) return Status::UnknownOutcome(rest.message());
  RETURN_IF_ERROR(failpoint::Durable("mysql.branches.committed"));
  return commits_.Forget(*tokens.client(), shards_, owner_, pending_);
}

// After a commit whose reply did not come: the tokens know.
Result<Committed> MysqlSink::Settle(const Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(Client * control, Control());
  auto standing = commits_.Compare(*control, checkpoint);
  if (!standing.ok()) return Status::UnknownOutcome(standing.status().message());
  switch (*standing) {
    case CommitTable::Standing::kOther:
      return Fenced(context_.pipeline, options_.url.Where());
    case CommitTable::Standing::kPrevious:
      unknown_ = false;
      return Explain(
          Status::Transient("the connection was lost before the commit took effect; "
                            "reading the epoch again"));
    case CommitTable::Standing::kMine: break;
  }
  const Status settled = commits_.Settle(*control, shards_, owner_);
  if (!settled.ok()) return Status::UnknownOutcome(settled.message());
  unknown_ = false;
  StartAnew();
  return Committed{};
}

Status MysqlSink::Abort() {
  Rollback();
  StartAnew();
  return Status::Ok();
}

void MysqlSink::StartAnew() {
  staged_bytes_ = kept_bytes_ = 0;
  kept_.clear();
  replayable_ = true;
  alone_ = false;
}

// A connection that a new owner has ended looks like one that was lost.
Status MysqlSink::Explain(Status error) {
  if (error.kind() != ErrorKind::kTransient || shards_.empty()) return error;
  Rollback();
  auto control = Control();
  if (!control.ok()) return error;
  const auto owns = commits_.Owns(**control, shards_, owner_);
  if (!owns.ok() || *owns) return error;
  return Fenced(context_.pipeline, options_.url.Where());
}

}  // namespace leat::mysql
