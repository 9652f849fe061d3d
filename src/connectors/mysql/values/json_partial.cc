#include "connectors/mysql/values/json_partial.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "connectors/mysql/log/event.h"
#include "connectors/mysql/values/json_binary.h"
#include "core/json.h"

namespace leat::mysql {
namespace {

enum class DiffOp : uint8_t { kReplace = 0, kInsert = 1, kRemove = 2 };

// More values than this, for a document of `n` bytes, no honest document has: an entry
// takes three bytes.
size_t MostNodes(size_t bytes) { return bytes / 3 + 16; }

// A document opened only as far as needed: scalars stay bytes.
struct Member;
struct Node {
  JsonValue scalar;  // when neither of those:
  bool object = false;
  bool array = false;
  std::vector<Member> members;
};
struct Member {
  std::string key;  // empty in arrays
  Node value;
};

bool Build(const JsonValue& value, int depth, size_t* budget, Node* node) {
  if ((*budget)-- == 0 || depth == 0) {
    *budget = 0;
    return false;
  }
  if (!value.container()) {
    node->scalar = value;
    return true;
  }
  JsonContainer container;
  if (!container.Open(value)) return false;
  node->object = value.object();
  node->array = !node->object;
  for (uint32_t i = 0; i < container.size(); i++) {
    std::string_view key;
    JsonValue member;
    if (node->object && !container.Key(i, &key)) return false;
    if (!container.Member(i, &member)) return false;
    node->members.push_back({std::string(key), Node()});
    if (*budget == 0) return false;
    if (!Build(member, depth - 1, budget, &node->members.back().value)) return false;
  }
  return true;
}

bool BuildDocument(std::string_view document, Node* node) {
  JsonValue value;
  if (!OpenJson(document, &value)) return false;
  size_t budget = MostNodes(document.size());
  return Build(value, kMostJsonDepth + 1, &budget, node);
}

// False when the text would be longer than `most`: values may share bytes, and only a
// hostile document makes much of that.
bool Print(const Node& node, size_t most, std::string* out) {
  if (out->size() > most) return false;
  if (!node.object && !node.array) return AppendJsonScalar(node.scalar, out);
  *out += node.object ? '{' : '[';
  bool first = true;
  for (const auto& [key, member] : node.members) {
    if (!first) *out += ", ";
    first = false;
    if (node.object) {
      AppendJsonString(key, out);
      *out += ": ";
    }
    if (!Print(member, most, out)) return false;
  }
  *out += node.object ? '}' : ']';
  return true;
}

// One step of a path: `.key` or `[index]`.
struct Leg {
  bool member = false;
  std::string key;
  size_t index = 0;
  bool from_last = false;
};

// Reads the quoted key that starts at `path[*at]`, a JSON string.
bool ReadQuotedKey(std::string_view path, size_t* at, std::string* key) {
  size_t end = *at + 1;
  while (end < path.size() && path[end] != '"') end += path[end] == '\\' ? 2 : 1;
  if (end >= path.size()) return false;
  const auto json = TryParseJson<nlohmann::json>(path.substr(*at, end + 1 - *at));
  if (!json.is_string()) return false;
  *key = json.get<std::string>();
  *at = end + 1;
  return true;
}

// "3]", "last]" or "last-2]"
bool ReadIndex(std::string_view path, size_t* at, Leg* leg) {
  const size_t end = path.find(']', *at);
  if (end == path.npos) return false;
  std::string_view text = path.substr(*at, end - *at);
  *at = end + 1;
  if (text.starts_with("last")) {
    leg->from_last = true;
    text.remove_prefix(4);
    if (text.empty()) return true;
    if (text[0] != '-') return false;
    text.remove_prefix(1);
  }
  const auto read = std::from_chars(text.data(), text.data() + text.size(), leg->index);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

bool ReadPath(std::string_view path, std::vector<Leg>* legs) {
  if (path.empty() || path[0] != '$') return false;
  for (size_t i = 1; i < path.size();) {
    Leg leg;
    if (path[i] == '[') {
      i++;
      if (!ReadIndex(path, &i, &leg)) return false;
    } else if (path[i] == '.') {
      leg.member = true;
      i++;
      if (i < path.size() && path[i] == '"') {
        if (!ReadQuotedKey(path, &i, &leg.key)) return false;
      } else {
        const size_t end = std::min(path.find_first_of(".[", i), path.size());
        leg.key = path.substr(i, end - i);
        i = end;
      }
    } else {
      return false;
    }
    legs->push_back(std::move(leg));
  }
  return true;
}

// Position of what the leg names in `node`, or its number of members when there is none.
size_t Locate(const Node& node, const Leg& leg) {
  const size_t count = node.members.size();
  if (leg.member != node.object) return count;
  if (!leg.member) {
    if (!leg.from_last) return std::min(leg.index, count);
    return leg.index < count ? count - 1 - leg.index : count;
  }
  const auto found = std::find_if(node.members.begin(), node.members.end(),
                                  [&](const auto& m) { return m.key == leg.key; });
  return static_cast<size_t>(found - node.members.begin());
}

// Objects are kept by length of the key, then by its bytes.
bool KeyBefore(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

bool Insert(Node* parent, const Leg& leg, Node value) {
  if (parent->array && !leg.member) {
    auto at = parent->members.begin() + static_cast<ptrdiff_t>(Locate(*parent, leg));
    parent->members.insert(at, {"", std::move(value)});
    return true;
  }
  if (!parent->object || !leg.member) return false;
  if (Locate(*parent, leg) != parent->members.size()) return false;
  const auto at = std::find_if(parent->members.begin(), parent->members.end(),
                               [&](const auto& m) { return KeyBefore(leg.key, m.key); });
  parent->members.insert(at, {leg.key, std::move(value)});
  return true;
}

bool Apply(DiffOp op, const std::vector<Leg>& legs, Node value, Node* root) {
  if (legs.empty()) {
    if (op != DiffOp::kReplace) return false;
    *root = std::move(value);
    return true;
  }
  Node* parent = root;
  for (size_t i = 0; i + 1 < legs.size(); i++) {
    const size_t at = Locate(*parent, legs[i]);
    if (at == parent->members.size()) return false;
    parent = &parent->members[at].value;
  }
  if (op == DiffOp::kInsert) return Insert(parent, legs.back(), std::move(value));
  const size_t at = Locate(*parent, legs.back());
  if (at == parent->members.size()) return false;
  if (op == DiffOp::kReplace) {
    parent->members[at].value = std::move(value);
  } else {
    parent->members.erase(parent->members.begin() + static_cast<ptrdiff_t>(at));
  }
  return true;
}

}  // namespace

bool AppendPatchedJson(std::string_view before, std::string_view diffs,
                       std::string* out) {
  Node root;
  if (!BuildDocument(before, &root)) return false;
  ByteReader in(diffs);
  while (in.left() > 0) {
    const uint8_t op = in.U8();
    if (op > static_cast<uint8_t>(DiffOp::kRemove)) return false;
    std::vector<Leg> legs;
    const std::string_view path = in.Bytes(ReadLength(&in));
    if (in.failed() || !ReadPath(path, &legs)) return false;
    Node value;
    if (static_cast<DiffOp>(op) != DiffOp::kRemove) {
      const std::string_view binary = in.Bytes(ReadLength(&in));
      if (in.failed() || !BuildDocument(binary, &value)) return false;
    }
    if (!Apply(static_cast<DiffOp>(op), legs, std::move(value), &root)) return false;
  }
  return Print(root, out->size() + MostJsonText(before.size() + diffs.size()), out);
}

}  // namespace leat::mysql
