#include "conformance/memory_sink.h"

#include <arrow/array/array_primitive.h>

#include <nlohmann/json.hpp>

#include "base/failpoint.h"

namespace leat {
namespace {

enum class Standing { kMine, kPrevious, kOther };

// How a table's tokens stand to a checkpoint.
Standing Compare(const std::map<ShardId, Token>& now, const Checkpoint& c,
                 const SinkTable& table) {
  for (const Token& token : c.TokensFor(table)) {
    auto found = now.find(token.shard);
    if (found != now.end() && found->second.SameEpoch(token)) return Standing::kMine;
  }
  for (const ShardRange& range : c.shards) {
    auto found = now.find(range.shard);
    const Token* expected = FindToken(range.previous, table);
    bool same =
        found == now.end() ? !expected : expected && found->second.SameEpoch(*expected);
    if (!same) return Standing::kOther;
  }
  return Standing::kPrevious;
}

Status Fenced(const SinkTable& table) {
  return Status::Fenced("table " + table + " has somebody else's token");
}

}  // namespace

std::map<SinkTable, MemoryTarget::Table> MemoryTarget::tables() const {
  std::lock_guard lock(mutex_);
  return tables_;
}
std::map<ShardId, Position> MemoryTarget::starts() const {
  std::lock_guard lock(mutex_);
  return starts_;
}
std::vector<std::string> MemoryTarget::errors() const {
  std::lock_guard lock(mutex_);
  return errors_;
}
void MemoryTarget::Disturb(int n) {
  std::lock_guard lock(mutex_);
  disturb_ = n;
}
void MemoryTarget::Rewrite(int n) {
  std::lock_guard lock(mutex_);
  rewrite_ = n;
}
int64_t MemoryTarget::commits() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

bool MemoryTarget::Falls(const Position& from, const Position& to) const {
  if (reached_) return !reached_(to, from);
  return std::stoll(from.text) > std::stoll(to.text);
}

void MemoryTarget::Land(const SinkTable& table, const std::vector<Token>& tokens,
                        const std::vector<int64_t>& rows) {
  Table& t = tables_[table];
  for (const Token& token : tokens) {
    starts_.emplace(token.shard, token.to);
    auto found = t.tokens.find(token.shard);
    if (found != t.tokens.end() && Falls(found->second.to, token.to)) {
      errors_.push_back("the token of " + table + " falls to " + token.ToJson());
    }
    t.tokens[token.shard] = token;
  }
  t.rows.insert(t.rows.end(), rows.begin(), rows.end());
  t.version++;
  commits_++;
}

Status MemorySinkBase::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  if (options_.on_write) RETURN_IF_ERROR(options_.on_write());
  if (batch.empty()) staged_["beats"].push_back(beats_++);
  for (const Chunk& chunk : batch.chunks) {
    const auto& ids = static_cast<const arrow::Int64Array&>(*chunk.rows->column(0));
    for (int64_t i = 0; i < ids.length(); i++) {
      int64_t id = ids.Value(i);
      const std::string& table = chunk.schema->id.table;
      if (options_.refuses && options_.refuses(id)) {
        rejects->push_back({table, "id refused", {}, std::to_string(id), 0});
        continue;
      }
      staged_[table].push_back(id);
      staged_bytes_ += 8;
    }
  }
  return Status::Ok();
}

Result<ShardTokens> MemoryStagedSink::GetTokens(std::span<const ShardId> shards,
                                                std::span<const SinkTable> tables,
                                                const Claim& claim) {
  ShardTokens tokens;
  for (const SinkTable& table : tables) {
    RETURN_IF_ERROR(failpoint::Durable("memory.token"));
    std::lock_guard lock(target_.mutex_);
    auto found = target_.tables_.find(table);
    if (found == target_.tables_.end()) continue;
    for (const ShardId& shard : shards) {
      auto token = found->second.tokens.find(shard);
      if (token != found->second.tokens.end()) tokens[shard][table] = token->second;
    }
  }
  return tokens;
}

Result<Prepared> MemoryStagedSink::Prepare() {
  RETURN_IF_ERROR(failpoint::Durable("memory.prepare.before"));
  if (options_.on_prepare) options_.on_prepare();
  Prepared prepared;
  nlohmann::json manifest = nlohmann::json::object();
  std::lock_guard lock(target_.mutex_);
  for (auto& [table, rows] : staged_) {
    std::string file = "f" + std::to_string(target_.file_number_++);
    target_.files_[file] = std::move(rows);
    unsaved_.push_back(file);
    manifest[table] = file;
    prepared.tables.push_back(table);
  }
  prepared.manifest = manifest.dump();
  staged_.clear();
  staged_bytes_ = 0;
  return prepared;
}

Result<Committed> MemoryStagedSink::Commit(const Checkpoint& c) {
  unsaved_.clear();
  auto manifest =
      c.manifest.empty() ? nlohmann::json::object() : nlohmann::json::parse(c.manifest);
  {
    std::lock_guard lock(target_.mutex_);
    if (target_.rewrite_ > 0 && !manifest.empty()) {
      target_.rewrite_--;
      for (auto& [table, file] : manifest.items()) {
        std::string anew = "f" + std::to_string(target_.file_number_++);
        target_.files_[anew] = target_.files_[file];
        file = anew;
      }
      return Committed{manifest.dump()};
    }
  }
  for (const SinkTable& table : c.tables) {
    RETURN_IF_ERROR(CommitTable(c, table, manifest.value(table, "")));
  }
  return Committed{};
}

Status MemoryStagedSink::CommitTable(const Checkpoint& c, const SinkTable& table,
                                     const std::string& file) {
  for (;;) {
    int64_t version = 0;
    {
      std::lock_guard lock(target_.mutex_);
      MemoryTarget::Table& t = target_.tables_[table];
      Standing standing = Compare(t.tokens, c, table);
      if (standing == Standing::kMine) return Status::Ok();
      if (standing == Standing::kOther) return Fenced(table);
      version = t.version;
    }
    RETURN_IF_ERROR(failpoint::Durable("memory.commit.before"));
    {
      std::lock_guard lock(target_.mutex_);
      MemoryTarget::Table& t = target_.tables_[table];
      if (target_.disturb_ > 0) {
        target_.disturb_--;
        t.version++;
      }
      if (t.version != version) continue;
      std::vector<int64_t> rows;
      if (!file.empty()) {
        if (!target_.files_.contains(file)) {
          target_.errors_.push_back("file " + file + " is committed but was deleted");
        }
        rows = target_.files_[file];
      }
      target_.Land(table, c.TokensFor(table), rows);
    }
    return failpoint::Durable("memory.commit.after");
  }
}

Status MemoryStagedSink::Abort() {
  std::lock_guard lock(target_.mutex_);
  for (const std::string& file : unsaved_) target_.files_.erase(file);
  unsaved_.clear();
  staged_.clear();
  staged_bytes_ = 0;
  return Status::Ok();
}

Result<ShardTokens> MemoryTransactionalSink::GetTokens(std::span<const ShardId> shards,
                                                       std::span<const SinkTable> tables,
                                                       const Claim& claim) {
  RETURN_IF_ERROR(failpoint::Durable("memory.claim"));
  if (!claim.empty()) claimed_ = claim.attempt;
  std::lock_guard lock(target_.mutex_);
  ShardTokens tokens;
  const auto& now = target_.tables_[kTokenTable].tokens;
  for (const ShardId& shard : shards) {
    auto found = now.find(shard);
    if (found == now.end()) continue;
    if (!claim.empty()) target_.owners_[shard] = claim.attempt;
    tokens[shard][kTokenTable] = found->second;
  }
  return tokens;
}

Result<Prepared> MemoryTransactionalSink::Prepare() {
  RETURN_IF_ERROR(failpoint::Durable("memory.prepare.before"));
  if (!connected_) return Status::Transient("the connection is gone");
  Prepared prepared;
  if (!staged_.empty()) prepared.tables = {kTokenTable};
  return prepared;
}

Result<Committed> MemoryTransactionalSink::Commit(const Checkpoint& c) {
  if (Status s = failpoint::Durable("memory.commit.before"); !s.ok()) {
    connected_ = false;
    return s;
  }
  {
    std::lock_guard lock(target_.mutex_);
    const auto& now = target_.tables_[kTokenTable].tokens;
    Standing standing = Compare(now, c, kTokenTable);
    if (standing == Standing::kMine) return Committed{};
    if (standing == Standing::kOther) return Fenced(kTokenTable);
    if (!connected_) return Status::Transient("the transaction is gone");
    for (const ShardRange& range : c.shards) {
      std::string& owner = target_.owners_[range.shard];
      if (!now.contains(range.shard)) owner = claimed_;
      if (owner != claimed_) return Fenced(kTokenTable);
    }
    target_.Land(kTokenTable, c.TokensFor(kTokenTable), {});
    for (auto& [table, rows] : staged_) {
      auto& visible = target_.tables_[table].rows;
      visible.insert(visible.end(), rows.begin(), rows.end());
    }
  }
  staged_.clear();
  staged_bytes_ = 0;
  if (Status s = failpoint::Durable("memory.commit.after"); !s.ok()) {
    connected_ = false;
    return s;
  }
  return Committed{};
}

Status MemoryTransactionalSink::Abort() {
  staged_.clear();
  staged_bytes_ = 0;
  return Status::Ok();
}

}  // namespace leat
