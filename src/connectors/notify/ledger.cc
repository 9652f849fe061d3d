#include "connectors/notify/ledger.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "core/json.h"

namespace leat::notify {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostKeys = 10'000;

// Keys may be long, and have what rows have.
std::string DigestOf(const std::string& key) {
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Json Encode(const Ledger::Rows& rows) {
  Json json = {{"origin", rows.origin},
               {"done", rows.done},
               {"replayed", rows.replayed},
               {"from", rows.from},
               {"from_number", rows.from_number}};
  if (rows.to) {
    json["to"] = *rows.to;
    json["to_number"] = rows.to_number;
  }
  for (const auto& [number, reason] : rows.refused) {
    json["refused"].push_back({{"number", number}, {"reason", reason}});
  }
  return json;
}

Ledger::Rows DecodeRows(const Json& json) {
  Ledger::Rows rows;
  rows.origin = json.at("origin");
  rows.done = json.at("done");
  rows.replayed = json.at("replayed");
  rows.from = json.at("from");
  rows.from_number = json.at("from_number");
  if (json.contains("to")) {
    rows.to = json["to"].get<std::string>();
    rows.to_number = json.at("to_number");
  }
  for (const Json& refused : json.value("refused", Json::array())) {
    rows.refused[refused.at("number")] = refused.at("reason");
  }
  return rows;
}

}  // namespace

Status Ledger::Open(const std::string& folder) {
  ASSIGN_OR_RETURN(files_, FileIo::Make(folder, {}));
  location_ = files_->root() + "/notified.json";
  ASSIGN_OR_RETURN(const bool there, files_->Exists(location_));
  if (!there) return Status::Ok();
  ASSIGN_OR_RETURN(const std::string text, files_->Read(location_));
  if (!FromJson(text)) {
    shards_.clear();
    keys_.clear();
  }
  return Status::Ok();
}

Ledger::Rows* Ledger::Begin(const ShardId& shard, const Position& position) {
  Rows& rows = shards_[shard];
  changed_ = true;
  const bool at_end = rows.to == position.text;
  // Whatever was tried lies before the end: nothing hangs on the old numbers.
  const bool settled = at_end && rows.to != rows.from && rows.to_number > rows.replayed;
  if (at_end && !settled) {
    rows.number = rows.from_number = rows.to_number;
    rows.from = position.text;
  } else if (!at_end && !rows.origin.empty() && rows.from == position.text) {
    rows.number = rows.from_number;
  } else {
    rows = {};
    rows.from = position.text;
    // Rows that no shard has (a timer made them) are at no position.
    rows.origin = position.empty() ? std::to_string(clock_.WallMicros()) : position.text;
  }
  rows.to.reset();
  rows.refused.erase(rows.refused.begin(), rows.refused.lower_bound(rows.number));
  rows.replayed = rows.done;
  rows.open = true;
  return &rows;
}

Ledger::Rows* Ledger::Current(const ShardId& shard) {
  const auto found = shards_.find(shard);
  return found != shards_.end() && found->second.open ? &found->second : nullptr;
}

void Ledger::Done(Rows* rows) {
  rows->done = rows->number + 1;
  changed_ = true;
}

void Ledger::Commit(const Checkpoint& checkpoint) {
  for (auto& [shard, rows] : shards_) {
    if (!rows.open) continue;
    const auto range = std::ranges::find(checkpoint.shards, shard, &ShardRange::shard);
    rows.to = range == checkpoint.shards.end() ? rows.from : range->to.text;
    rows.to_number = rows.number;
    rows.open = false;
    changed_ = true;
  }
}

void Ledger::Abort() {
  for (auto& [shard, rows] : shards_) rows.open = false;
}

bool Ledger::Cools(const Key& key) const {
  // A clock that was set back ends a cooldown, or it could last for ever.
  const int64_t since = clock_.WallMicros() - key.told;
  return since >= 0 && since < cooldown_.count();
}

bool Ledger::LeaveOut(const std::string& key) {
  const auto found = keys_.find(DigestOf(key));
  if (found == keys_.end() || !Cools(found->second)) return false;
  found->second.left_out++;
  changed_ = true;
  return true;
}

int64_t Ledger::LeftOut(const std::string& key) const {
  const auto found = keys_.find(DigestOf(key));
  return found == keys_.end() ? 0 : found->second.left_out;
}

void Ledger::Told(const std::string& key) {
  keys_[DigestOf(key)] = {clock_.WallMicros(), 0};
  if (keys_.size() > kMostKeys) {
    keys_.erase(std::ranges::min_element(
        keys_, {}, [](const auto& entry) { return entry.second.told; }));
  }
  changed_ = true;
}

// Keys that nothing is to be said of any more.
void Ledger::Forget() {
  std::erase_if(keys_, [this](const auto& entry) {
    return entry.second.left_out == 0 && !Cools(entry.second);
  });
}

Status Ledger::Save() {
  if (!changed_) return Status::Ok();
  Forget();
  RETURN_IF_ERROR(files_->Replace(location_, ToJson()).Within("noting what was sent"));
  changed_ = false;
  return Status::Ok();
}

std::string Ledger::ToJson() const {
  Json json = {{"shards", Json::object()}, {"keys", Json::object()}};
  for (const auto& [shard, rows] : shards_) json["shards"][shard] = Encode(rows);
  for (const auto& [digest, key] : keys_) {
    json["keys"][digest] = {{"told", key.told}, {"left_out", key.left_out}};
  }
  return DumpJsonLossy(json) + "\n";
}

bool Ledger::FromJson(const std::string& text) {
  try {
    const Json json = ParseJson<Json>(text);
    for (const auto& [shard, rows] : json.at("shards").items()) {
      shards_[shard] = DecodeRows(rows);
    }
    for (const auto& [digest, key] : json.at("keys").items()) {
      keys_[digest].told = key.at("told");
      keys_[digest].left_out = key.at("left_out");
    }
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

}  // namespace leat::notify
