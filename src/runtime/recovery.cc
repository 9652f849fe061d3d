#include "runtime/recovery.h"

#include <algorithm>
#include <set>

#include "base/failpoint.h"

namespace leat {
namespace {

const std::optional<Token>& Find(const Tokens& tokens, const SinkTable& table) {
  static const std::optional<Token> kNone;
  auto found = tokens.find(table);
  return found == tokens.end() ? kNone : found->second;
}

bool SameEpoch(const std::optional<Token>& a, const std::optional<Token>& b) {
  return a ? b && a->SameEpoch(*b) : !b;
}

bool IsOf(const std::optional<Token>& token, const Checkpoint& saved) {
  return token && token->epoch == saved.epoch && token->attempt == saved.attempt;
}

bool NoToken(const Tokens& tokens) {
  return std::ranges::none_of(tokens, [](const auto& t) { return t.second.has_value(); });
}

// The tokens of a shard for `tables` and for every table those tokens name.
Result<Tokens> GetAllTokens(const EpochParts& parts, const ShardId& shard,
                            const std::set<SinkTable>& tables) {
  Tokens all;
  std::set<SinkTable> wanted = tables;
  while (!wanted.empty()) {
    std::vector<SinkTable> names(wanted.begin(), wanted.end());
    ASSIGN_OR_RETURN(Tokens found,
                     parts.sink.GetTokens(shard, names, parts.owner.attempt));
    for (const SinkTable& name : names) all[name] = Find(found, name);
    wanted.clear();
    for (const auto& [table, token] : all) {
      if (!token) continue;
      for (const SinkTable& other : token->tables) {
        if (!all.contains(other)) wanted.insert(other);
      }
    }
  }
  return all;
}

class Recovery {
 public:
  Recovery(const EpochParts& parts, const std::vector<ShardId>& shards)
      : parts_(parts), assigned_(shards) {}

  Result<Recovered> Run(const std::vector<SinkTable>& tables) {
    ASSIGN_OR_RETURN(saved_,
                     parts_.store.Load(parts_.owner.pipeline, parts_.owner.worker));
    if (!parts_.sink.holds_tokens()) return RunWithoutTokens();
    RETURN_IF_ERROR(ReadTokens(tables));
    if (saved_) verdict_ = Judge(saved_->checkpoint, tokens_, parts_.sink.staged());
    RETURN_IF_ERROR(AskIfTheSinkWasEmptied());
    RETURN_IF_ERROR(Settle());
    for (const ShardId& shard : assigned_) RETURN_IF_ERROR(Place(shard));
    return std::move(result_);
  }

 private:
  const ShardRange* SavedRange(const ShardId& shard) const {
    if (!saved_) return nullptr;
    for (const ShardRange& range : saved_->checkpoint.shards) {
      if (range.shard == shard) return &range;
    }
    return nullptr;
  }

  Status ReadTokens(const std::vector<SinkTable>& tables) {
    std::set<SinkTable> names(tables.begin(), tables.end());
    std::set<ShardId> shards(assigned_.begin(), assigned_.end());
    if (saved_) {
      const Checkpoint& c = saved_->checkpoint;
      names.insert(c.tables.begin(), c.tables.end());
      for (const ShardRange& range : c.shards) {
        shards.insert(range.shard);
        for (const auto& [table, token] : range.previous) names.insert(table);
      }
      result_.epoch = c.epoch;
    }
    for (const ShardId& shard : shards) {
      ASSIGN_OR_RETURN(tokens_[shard], GetAllTokens(parts_, shard, names));
      for (const auto& [table, token] : tokens_[shard]) {
        if (token) result_.epoch = std::max(result_.epoch, token->epoch);
      }
    }
    return Status::Ok();
  }

  // Nothing may be dropped, and nothing started over, before somebody said so.
  Status AskIfTheSinkWasEmptied() const {
    if (verdict_ != Verdict::kOld) return Status::Ok();
    bool none =
        std::ranges::all_of(tokens_, [](const auto& t) { return NoToken(t.second); });
    if (!none) return Status::Ok();
    return Status::Config(
        "the store says that pipeline " + parts_.owner.pipeline +
        " got as far as epoch " + std::to_string(saved_->checkpoint.epoch) +
        ", but the target has none of its tokens: its tables were dropped, or this is "
        "another target. Restore the target; or, to start over from the source's "
        "configured start, rename the pipeline or remove the folder " +
        (parts_.store.data() / "store").string());
  }

  // Brings store and sink to one view of the saved epoch.
  Status Settle() {
    switch (verdict_) {
      case Verdict::kNone:
      case Verdict::kLost:
        return parts_.store.DropOverlays(parts_.owner, Store::Drop::kAll);
      case Verdict::kOld: return parts_.store.DropSaved(parts_.owner);
      case Verdict::kRollForward: RETURN_IF_ERROR(RollForward()); break;
      case Verdict::kCommitted: break;
    }
    RETURN_IF_ERROR(parts_.store.Fold(parts_.owner));
    return parts_.store.DropOverlays(parts_.owner, Store::Drop::kUnsaved);
  }

  Status RollForward() {
    Checkpoint& c = saved_->checkpoint;
    RETURN_IF_ERROR(CommitSaved(parts_, &c));
    for (const ShardRange& range : c.shards) {
      for (const SinkTable& table : c.tables) {
        tokens_[range.shard][table] = c.TokenOf(range);
      }
      if (parts_.sink.staged()) continue;
      // The token came in under the attempt that saved it: claim it.
      ASSIGN_OR_RETURN(
          Tokens now, parts_.sink.GetTokens(range.shard, c.tables, parts_.owner.attempt));
      for (const SinkTable& table : c.tables) {
        if (IsOf(Find(now, table), c)) continue;
        return Status::Fenced("another process went on with shard " + range.shard +
                              " of pipeline " + parts_.owner.pipeline);
      }
    }
    return Status::Ok();
  }

  Status Place(const ShardId& shard) {
    const Tokens& tokens = tokens_[shard];
    const ShardRange* range = SavedRange(shard);
    Position at;
    if (range && verdict_ != Verdict::kOld) {
      at = verdict_ == Verdict::kLost ? range->from : range->to;
    } else if (!NoToken(tokens)) {
      at = PositionOf(tokens, parts_.source);
    } else {
      result_.fresh.push_back(shard);
      return Status::Ok();
    }
    result_.shards[shard] = {at, at, true, tokens};
    return Status::Ok();
  }

  // The store alone knows the position. An epoch that may not have come out whole is
  // written again.
  Result<Recovered> RunWithoutTokens() {
    if (saved_) result_.epoch = saved_->checkpoint.epoch;
    RETURN_IF_ERROR(parts_.store.DropOverlays(parts_.owner, saved_ && saved_->folded
                                                                ? Store::Drop::kUnsaved
                                                                : Store::Drop::kAll));
    for (const ShardId& shard : assigned_) {
      if (const ShardRange* range = SavedRange(shard)) {
        const Position& at = saved_->folded ? range->to : range->from;
        result_.shards[shard] = {at, at, true, {}};
      } else {
        result_.fresh.push_back(shard);
      }
    }
    return std::move(result_);
  }

  const EpochParts& parts_;
  const std::vector<ShardId>& assigned_;
  std::optional<SavedEpoch> saved_;
  std::map<ShardId, Tokens> tokens_;
  Verdict verdict_ = Verdict::kNone;
  Recovered result_;
};

}  // namespace

Verdict Judge(const Checkpoint& saved, const std::map<ShardId, Tokens>& tokens,
              bool staged) {
  bool whole = true;        // every table it touches has it
  bool only_starts = true;  // it has no rows, so nothing of it can be lost
  for (const ShardRange& range : saved.shards) {
    only_starts = only_starts && range.from == range.to;
    const Tokens& now = tokens.at(range.shard);
    for (const auto& [table, token] : now) {
      bool touched = std::ranges::find(saved.tables, table) != saved.tables.end();
      bool mine = touched && IsOf(token, saved);
      if (!mine && !SameEpoch(token, Find(range.previous, table))) return Verdict::kOld;
      if (touched && !mine) whole = false;
    }
  }
  if (whole) return Verdict::kCommitted;
  return staged || only_starts ? Verdict::kRollForward : Verdict::kLost;
}

Position PositionOf(const Tokens& tokens, const Source& source) {
  Position furthest;
  for (const auto& [table, token] : tokens) {
    if (!token) continue;
    bool complete =
        std::ranges::all_of(token->tables, [&, &to = token->to](const auto& t) {
          const std::optional<Token>& other = Find(tokens, t);
          return other && source.Reached(other->to, to);
        });
    const Position& at = complete ? token->to : token->from;
    if (furthest.empty() || source.Reached(at, furthest)) furthest = at;
  }
  return furthest;
}

Result<Recovered> Recover(const EpochParts& parts, const std::vector<ShardId>& shards,
                          const std::vector<SinkTable>& tables) {
  return Recovery(parts, shards).Run(tables);
}

}  // namespace leat
