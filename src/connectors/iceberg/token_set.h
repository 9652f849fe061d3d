// TokenSet: the tokens that one pipeline has in a table, one for each shard. A snapshot's
// summary has those of its epoch, a table property all of them: shards that are idle cost
// a few bytes in the metadata and nothing else. A value; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "core/epoch.h"

namespace leat::iceberg {

class TokenSet {
 public:
  struct Entry {
    Token token;
    int64_t snapshot = -1;  // that brought it
  };

  // The name of the table property and of the entry in a snapshot's summary.
  static std::string Key(const std::string& pipeline);
  // JSON: a list of epochs, each with its shards: {"s1":[from,to]}. kConfig for a text
  // that is none; an empty one is an empty set.
  static Result<TokenSet> FromJson(const std::string& pipeline, std::string_view text);
  std::string ToJson() const;

  const Entry* Find(const ShardId& shard) const;
  void Put(const Token& token, int64_t snapshot);

 private:
  std::map<ShardId, Entry> entries_;
};

}  // namespace leat::iceberg
