#include "connectors/iceberg/token_set.h"

#include <tuple>

#include "core/json.h"

namespace leat::iceberg {

std::string TokenSet::Key(const std::string& pipeline) {
  return "leat.token." + pipeline;
}

Result<TokenSet> TokenSet::FromJson(const std::string& pipeline, std::string_view text) {
  TokenSet set;
  if (text.empty()) return set;
  try {
    for (const auto& epoch : ParseJson<nlohmann::json>(text)) {
      Token token;
      token.pipeline = pipeline;
      token.epoch = epoch.at("epoch");
      token.attempt = epoch.at("attempt");
      token.tables = epoch.at("tables").get<std::vector<SinkTable>>();
      const int64_t snapshot = epoch.at("snapshot");
      for (const auto& [shard, range] : epoch.at("shards").items()) {
        token.shard = shard;
        token.from.text = range.at(0);
        token.to.text = range.at(1);
        set.Put(token, snapshot);
      }
    }
  } catch (const nlohmann::json::exception& e) {
    return Status::Config("the property " + Key(pipeline) + " is not as Leat wrote it (" +
                          e.what() + "): " + std::string(text.substr(0, 200)));
  }
  return set;
}

std::string TokenSet::ToJson() const {
  using Epoch = std::tuple<uint64_t, std::string, int64_t>;
  std::map<Epoch, nlohmann::ordered_json> epochs;
  for (const auto& [shard, entry] : entries_) {
    const Token& token = entry.token;
    auto& epoch = epochs[{token.epoch, token.attempt, entry.snapshot}];
    if (epoch.is_null()) {
      epoch = {{"epoch", token.epoch},
               {"attempt", token.attempt},
               {"snapshot", entry.snapshot},
               {"tables", token.tables},
               {"shards", nlohmann::ordered_json::object()}};
    }
    epoch["shards"][shard] = {token.from.text, token.to.text};
  }
  auto list = nlohmann::ordered_json::array();
  for (auto& [key, epoch] : epochs) list.push_back(std::move(epoch));
  return DumpJson(list);
}

const TokenSet::Entry* TokenSet::Find(const ShardId& shard) const {
  const auto found = entries_.find(shard);
  return found == entries_.end() ? nullptr : &found->second;
}

void TokenSet::Put(const Token& token, int64_t snapshot) {
  entries_[token.shard] = {token, snapshot};
}

}  // namespace leat::iceberg
