#include "connectors/mysql/poll_position.h"

#include <charconv>

#include "core/json.h"

namespace leat::mysql {
namespace {

using Json = nlohmann::json;

constexpr int kHexDigits = 16;

std::string HashText(uint64_t hash) {
  char digits[kHexDigits];
  auto [end, error] = std::to_chars(digits, digits + kHexDigits, hash, kHexDigits);
  return {digits, end};
}

}  // namespace

// {"poll": {"floor": "42", "given": {"9f3a...": 1}, "passes": 7}}
Result<PollPosition> PollPosition::Parse(const Position& position) {
  PollPosition parsed;
  if (position.empty()) return parsed;
  try {
    Json root = ParseJson<Json>(position.text).at("poll");
    parsed.floor = root.value("floor", "");
    parsed.passed = root.value("passed", KeyValues());
    parsed.passes = root.value("passes", int64_t{0});
    const Json given = root.value("given", Json::object());
    for (const auto& [hex, count] : given.items()) {
      uint64_t hash = 0;
      std::from_chars(hex.data(), hex.data() + hex.size(), hash, kHexDigits);
      parsed.given[hash] = count.get<int64_t>();
    }
  } catch (const Json::exception& e) {
    return Status::Config(
        std::string("the saved position is not one of `read: poll`; start the pipeline "
                    "under a new name, or say read: cdc again: ") +
        e.what());
  }
  return parsed;
}

Position PollPosition::ToPosition() const {
  Json root = {{"floor", floor}, {"passes", passes}};
  if (!passed.empty()) root["passed"] = passed;
  if (!given.empty()) {
    Json hashes = Json::object();
    for (const auto& [hash, count] : given) hashes[HashText(hash)] = count;
    root["given"] = std::move(hashes);
  }
  Json position;
  position["poll"] = std::move(root);
  return {DumpJson(position)};
}

int64_t PollPosition::given_rows() const {
  int64_t rows = 0;
  for (const auto& [hash, count] : given) rows += count;
  return rows;
}

}  // namespace leat::mysql
