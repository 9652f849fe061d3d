// A YAML file as a tree in which every node knows its place. Aliases and merge keys (<<)
// are already resolved; nothing is typed yet: a scalar is its text. The only user of the
// YAML library. Stateless; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace leat {

struct YamlPair;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;
  int line = 1;  // from 1
  int column = 1;
  int height = 1;  // levels below and including this one
  std::string scalar;
  std::vector<YamlNode> items;
  std::vector<YamlPair> pairs;  // in the file's order, no key twice
};

struct YamlPair {
  std::string key;
  int line = 1;
  int column = 1;
  bool merged = false;  // came with <<, so a key of the mapping's own goes before it
  YamlNode value;
};

// The tree of the file's one document; nothing if it cannot be read. Adds what is wrong
// to `diagnostics`: bad syntax, a key twice, or a file too large, too deep, or growing
// too large through its aliases.
std::optional<YamlNode> ParseYaml(std::string_view text, const std::string& file,
                                  Diagnostics* diagnostics);

}  // namespace leat
