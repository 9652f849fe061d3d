#include "runtime/recovery.h"

#include <algorithm>
#include <set>

#include "base/failpoint.h"

namespace leat {
namespace {

bool SameEpoch(const Token* a, const Token* b) { return a ? b && a->SameEpoch(*b) : !b; }

bool IsOf(const Token* token, const Checkpoint& saved) {
  return token && token->epoch == saved.epoch && token->attempt == saved.attempt;
}

bool SameTokens(const Tokens& a, const Tokens& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.SameEpoch(y.second);
  });
}

class Recovery {
 public:
  Recovery(const EpochParts& parts, const std::vector<ShardId>& shards)
      : parts_(parts), assigned_(shards) {}

  Result<Recovered> Run(const std::vector<SinkTable>& tables) {
    ASSIGN_OR_RETURN(saved_,
                     parts_.store.Load(parts_.owner.pipeline, parts_.owner.worker));
    if (saved_) result_.epoch = saved_->checkpoint.epoch;
    if (!parts_.sink.holds_tokens()) return RunWithoutTokens();
    RETURN_IF_ERROR(ReadRanges());
    RETURN_IF_ERROR(ReadTokens(tables));
    if (Open()) verdict_ = Judge(saved_->checkpoint, tokens_, parts_.sink.staged());
    RETURN_IF_ERROR(AskIfTheSinkWasEmptied());
    RETURN_IF_ERROR(Settle());
    for (const ShardId& shard : assigned_) Place(shard);
    return std::move(result_);
  }

 private:
  // There is a saved epoch that is not known to be committed.
  bool Open() const { return saved_ && !saved_->folded; }

  Status ReadRanges() {
    for (const ShardId& shard : assigned_) {
      ASSIGN_OR_RETURN(auto range, parts_.store.LoadRange(parts_.owner, shard));
      if (range) ranges_[shard] = *std::move(range);
    }
    return Status::Ok();
  }

  // For every table known, and every one that the store or a token names.
  Status ReadTokens(const std::vector<SinkTable>& tables) {
    std::set<SinkTable> wanted(tables.begin(), tables.end());
    auto want = [&](const ShardRange& range) {
      for (const auto& [table, token] : range.previous) wanted.insert(table);
    };
    std::vector<ShardId> others;  // of the saved epoch, perhaps another process's by now
    for (const auto& [shard, range] : ranges_) want(range);
    if (Open()) {
      const Checkpoint& c = saved_->checkpoint;
      wanted.insert(c.tables.begin(), c.tables.end());
      for (const ShardRange& range : c.shards) {
        want(range);
        if (std::ranges::find(assigned_, range.shard) != assigned_.end()) continue;
        others.push_back(range.shard);
      }
    }
    std::set<SinkTable> asked;
    while (!wanted.empty()) {
      std::vector<SinkTable> names(wanted.begin(), wanted.end());
      asked.insert(names.begin(), names.end());
      wanted.clear();
      RETURN_IF_ERROR(ReadTokensOf(assigned_, names, parts_.claim()));
      RETURN_IF_ERROR(ReadTokensOf(others, names, Claim()));
      for (const auto& [shard, tokens] : tokens_) {
        for (const auto& [table, token] : tokens) {
          for (const SinkTable& other : token.tables) {
            if (!asked.contains(other)) wanted.insert(other);
          }
        }
      }
    }
    return Status::Ok();
  }

  Status ReadTokensOf(const std::vector<ShardId>& shards,
                      const std::vector<SinkTable>& tables, const Claim& claim) {
    if (shards.empty()) return Status::Ok();
    ASSIGN_OR_RETURN(ShardTokens found, parts_.sink.GetTokens(shards, tables, claim));
    for (auto& [shard, tokens] : found) {
      for (const auto& [table, token] : tokens) {
        result_.epoch = std::max(result_.epoch, token.epoch);
      }
      tokens_[shard].merge(tokens);
    }
    return Status::Ok();
  }

  // Nothing may be dropped, and nothing started over, before somebody said so.
  Status AskIfTheSinkWasEmptied() const {
    bool emptied = verdict_ == Verdict::kOld && tokens_.empty();
    for (const auto& [shard, range] : ranges_) {
      emptied = emptied || (!range.previous.empty() && !tokens_.contains(shard));
    }
    if (!emptied) return Status::Ok();
    ASSIGN_OR_RETURN(const bool reset, parts_.store.ResetRequested(parts_.owner));
    if (reset) return Status::Ok();
    return Status::Config(
        "the store says that pipeline " + parts_.owner.pipeline +
        " got as far as epoch " + std::to_string(result_.epoch) +
        ", but the target has none of its tokens: its tables were dropped, or this is "
        "another target. Restore the target; or, to start over from the source's "
        "configured start, stop it and ask for that: leat reset " +
        parts_.owner.pipeline);
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
    RETURN_IF_ERROR(ReadRanges());
    return parts_.store.DropOverlays(parts_.owner, Store::Drop::kUnsaved);
  }

  Status RollForward() {
    Checkpoint& c = saved_->checkpoint;
    RETURN_IF_ERROR(CommitSaved(parts_, &c));
    for (const ShardRange& range : c.shards) tokens_[range.shard] = c.After(range);
    if (parts_.sink.staged()) return Status::Ok();
    // The tokens came in under the attempt that saved them: claim them.
    ASSIGN_OR_RETURN(ShardTokens now,
                     parts_.sink.GetTokens(assigned_, c.tables, parts_.claim()));
    for (const ShardRange& range : c.shards) {
      if (std::ranges::find(assigned_, range.shard) == assigned_.end()) continue;
      for (const SinkTable& table : c.tables) {
        if (IsOf(FindToken(now[range.shard], table), c)) continue;
        return Status::Fenced("another process went on with shard " + range.shard +
                              " of pipeline " + parts_.owner.pipeline);
      }
    }
    return Status::Ok();
  }

  // The store's position counts while the sink has the tokens that go with it; it is as
  // far as they are or further. Else somebody went on without this store.
  void Place(const ShardId& shard) {
    const Tokens& tokens = tokens_[shard];
    auto range = ranges_.find(shard);
    if (range != ranges_.end() && SameTokens(range->second.previous, tokens)) {
      result_.shards[shard] = {range->second.to, range->second.to, tokens};
    } else if (!tokens.empty()) {
      Position at = PositionOf(tokens, parts_.source);
      result_.shards[shard] = {at, at, tokens};
      result_.sink_ahead.push_back(shard);
    } else {
      result_.fresh.push_back(shard);
    }
  }

  // The store alone knows the position. An epoch that may not have come out whole is
  // written again.
  Result<Recovered> RunWithoutTokens() {
    if (Open() && saved_->checkpoint.start) {
      RETURN_IF_ERROR(parts_.store.Fold(parts_.owner));
    } else {
      RETURN_IF_ERROR(parts_.store.DropOverlays(
          parts_.owner, Open() ? Store::Drop::kAll : Store::Drop::kUnsaved));
    }
    RETURN_IF_ERROR(ReadRanges());
    for (const ShardId& shard : assigned_) {
      auto range = ranges_.find(shard);
      if (range == ranges_.end()) {
        result_.fresh.push_back(shard);
      } else {
        result_.shards[shard] = {range->second.to, range->second.to, {}};
      }
    }
    return std::move(result_);
  }

  const EpochParts& parts_;
  const std::vector<ShardId>& assigned_;
  std::optional<SavedEpoch> saved_;
  std::map<ShardId, ShardRange> ranges_;  // of those assigned, as far as the store knows
  ShardTokens tokens_;
  Verdict verdict_ = Verdict::kNone;
  Recovered result_;
};

}  // namespace

// A table takes all shards' tokens in one write, so one of them proves that it has the
// epoch, even where others were dealt to another process since, which went on with them.
Verdict Judge(const Checkpoint& saved, const ShardTokens& tokens, bool staged) {
  static const Tokens kNone;
  auto now = [&](const ShardRange& range) -> const Tokens& {
    auto found = tokens.find(range.shard);
    return found == tokens.end() ? kNone : found->second;
  };
  auto landed = [&](const SinkTable& table) {
    return std::ranges::any_of(saved.shards, [&](const ShardRange& range) {
      return IsOf(FindToken(now(range), table), saved);
    });
  };
  if (std::ranges::all_of(saved.tables, landed)) return Verdict::kCommitted;
  for (const ShardRange& range : saved.shards) {
    std::set<SinkTable> tables;
    for (const auto& [table, token] : now(range)) tables.insert(table);
    for (const auto& [table, token] : range.previous) tables.insert(table);
    for (const SinkTable& table : tables) {
      const Token* token = FindToken(now(range), table);
      bool touched = std::ranges::find(saved.tables, table) != saved.tables.end();
      if (touched && IsOf(token, saved)) continue;
      if (!SameEpoch(token, FindToken(range.previous, table))) return Verdict::kOld;
    }
  }
  return staged || saved.start ? Verdict::kRollForward : Verdict::kLost;
}

Position PositionOf(const Tokens& tokens, const Source& source) {
  Position furthest;
  for (const auto& [table, token] : tokens) {
    bool complete =
        std::ranges::all_of(token.tables, [&, &to = token.to](const SinkTable& t) {
          const Token* other = FindToken(tokens, t);
          return other && source.Reached(other->to, to);
        });
    const Position& at = complete ? token.to : token.from;
    if (furthest.empty() || source.Reached(at, furthest)) furthest = at;
  }
  return furthest;
}

Result<Recovered> Recover(const EpochParts& parts, const std::vector<ShardId>& shards,
                          const std::vector<SinkTable>& tables) {
  return Recovery(parts, shards).Run(tables);
}

}  // namespace leat
