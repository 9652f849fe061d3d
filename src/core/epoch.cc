#include "core/epoch.h"

#include <algorithm>

#include "core/json.h"

namespace leat {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json Encode(const Token& t) {
  return {{"pipeline", t.pipeline}, {"shard", t.shard},    {"epoch", t.epoch},
          {"attempt", t.attempt},   {"from", t.from.text}, {"to", t.to.text},
          {"tables", t.tables}};
}

Token DecodeToken(const json& j) {
  Token t;
  t.pipeline = j.at("pipeline");
  t.shard = j.at("shard");
  t.epoch = j.at("epoch");
  t.attempt = j.at("attempt");
  t.from.text = j.at("from");
  t.to.text = j.at("to");
  t.tables = j.at("tables").get<std::vector<SinkTable>>();
  return t;
}

ordered_json Encode(const ShardRange& range) {
  ordered_json previous = ordered_json::object();
  for (const auto& [table, token] : range.previous) {
    previous[table] = Encode(token);
  }
  return {{"shard", range.shard},
          {"from", range.from.text},
          {"to", range.to.text},
          {"previous", previous},
          {"ahead", range.ahead}};
}

ShardRange DecodeRange(const json& j) {
  ShardRange range;
  range.shard = j.at("shard");
  range.from.text = j.at("from");
  range.to.text = j.at("to");
  for (const auto& [table, token] : j.at("previous").items()) {
    range.previous[table] = DecodeToken(token);
  }
  range.ahead = j.at("ahead").get<std::vector<SinkTable>>();
  return range;
}

// Runs `decode` on the parsed text; the library's exceptions end here.
template <typename T, typename Decode>
Result<T> Parse(std::string_view text, std::string_view what, Decode decode) {
  try {
    return decode(ParseJson<json>(text));
  } catch (const json::exception& e) {
    return Status::Config("this is no " + std::string(what) + " of Leat's (" + e.what() +
                          "): " + std::string(text.substr(0, 200)));
  }
}

}  // namespace

std::string Token::ToJson() const { return DumpJson(Encode(*this)); }

Result<Token> Token::FromJson(std::string_view text) {
  return Parse<Token>(text, "token", DecodeToken);
}

const Token* FindToken(const Tokens& tokens, const SinkTable& table) {
  auto found = tokens.find(table);
  return found == tokens.end() ? nullptr : &found->second;
}

std::string ShardRange::ToJson() const { return DumpJson(Encode(*this)); }

Result<ShardRange> ShardRange::FromJson(std::string_view text) {
  return Parse<ShardRange>(text, "shard's position", DecodeRange);
}

std::vector<Token> Checkpoint::TokensFor(const SinkTable& table) const {
  std::vector<Token> tokens;
  for (const ShardRange& range : shards) {
    if (std::ranges::find(range.ahead, table) == range.ahead.end()) {
      tokens.push_back(TokenOf(range));
    }
  }
  return tokens;
}

Tokens Checkpoint::After(const ShardRange& range) const {
  Tokens after = range.previous;
  for (const SinkTable& table : tables) {
    if (std::ranges::find(range.ahead, table) == range.ahead.end()) {
      after[table] = TokenOf(range);
    }
  }
  return after;
}

std::string Checkpoint::ToJson() const {
  ordered_json ranges = ordered_json::array();
  for (const ShardRange& range : shards) ranges.push_back(Encode(range));
  ordered_json out = {{"pipeline", pipeline}, {"epoch", epoch},   {"attempt", attempt},
                      {"shards", ranges},     {"tables", tables}, {"manifest", manifest},
                      {"start", start}};
  return DumpJson(out);
}

Result<Checkpoint> Checkpoint::FromJson(std::string_view text) {
  return Parse<Checkpoint>(text, "checkpoint", [](const json& j) {
    Checkpoint c;
    c.pipeline = j.at("pipeline");
    c.epoch = j.at("epoch");
    c.attempt = j.at("attempt");
    for (const json& range : j.at("shards")) c.shards.push_back(DecodeRange(range));
    c.tables = j.at("tables").get<std::vector<SinkTable>>();
    c.manifest = j.at("manifest");
    c.start = j.at("start");
    return c;
  });
}

}  // namespace leat
