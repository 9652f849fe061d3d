#include "core/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace leat {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 32;
constexpr size_t kMaxNodes = 50'000;  // after aliases are copied out

// Ends the parse from inside an event; caught in ParseYaml.
struct Refused {
  Diagnostic diagnostic;
};

size_t CountNodes(const YamlNode& node) {
  size_t n = 1;
  for (const YamlNode& item : node.items) n += CountNodes(item);
  for (const YamlPair& pair : node.pairs) n += CountNodes(pair.value);
  return n;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, Diagnostics* diagnostics)
      : file_(file), diagnostics_(diagnostics) {}

  YamlNode Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(NodeAt(YamlNode::Kind::kNull, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = NodeAt(YamlNode::Kind::kScalar, mark);
    node.quoted = tag == "!";
    node.scalar = value;
    Add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      Refuse(mark, "an alias stands inside what it names", "write the value out");
    }
    nodes_ += CountNodes(found->second);
    YamlNode copy = found->second;
    Add(std::move(copy), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kList, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

 private:
  struct Open_ {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    YamlPair pair;  // the one whose value comes next
  };

  [[noreturn]] void Refuse(const YAML::Mark& mark, std::string message,
                           std::string suggestion) {
    throw Refused{{{file_, mark.line + 1, mark.column + 1},
                   std::move(message),
                   std::move(suggestion)}};
  }

  YamlNode NodeAt(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (++nodes_ > kMaxNodes) {
      Refuse(mark, fmt::format("the file has more than {} values", kMaxNodes),
             "aliases count as often as they are used");
    }
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  bool WantsValue() const {
    return open_.empty() || open_.back().node.kind == YamlNode::Kind::kList ||
           open_.back().has_key;
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (!WantsValue()) Refuse(mark, "a key has to be text", "");
    CheckDepth(mark.line + 1, mark.column + 1, 1);
    open_.push_back({NodeAt(kind, mark), anchor, false, {}});
  }

  void CheckDepth(int line, int column, int height) {
    if (static_cast<int>(open_.size()) + height <= kMaxDepth) return;
    throw Refused{{{file_, line, column},
                   fmt::format("values are nested more than {} deep", kMaxDepth),
                   ""}};
  }

  void Close() {
    Open_ done = std::move(open_.back());
    open_.pop_back();
    if (done.node.kind == YamlNode::Kind::kMap) Merge(&done.node);
    Add(std::move(done.node), done.anchor);
  }

  void Add(YamlNode node, YAML::anchor_t anchor) {
    CheckDepth(node.line, node.column, node.height);
    if (nodes_ > kMaxNodes) {
      throw Refused{{{file_, node.line, node.column},
                     fmt::format("the file has more than {} values", kMaxNodes),
                     "aliases count as often as they are used"}};
    }
    if (anchor != 0) {
      nodes_ += CountNodes(node);
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open_& parent = open_.back();
    parent.node.height = std::max(parent.node.height, node.height + 1);
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      SetKey(&parent, std::move(node));
    } else {
      parent.has_key = false;
      parent.pair.value = std::move(node);
      AddPair(&parent.node, std::move(parent.pair));
    }
  }

  void SetKey(Open_* parent, YamlNode key) {
    if (key.kind == YamlNode::Kind::kList || key.kind == YamlNode::Kind::kMap) {
      throw Refused{{{file_, key.line, key.column}, "a key has to be text", ""}};
    }
    // A field may have the name that YAML has for nothing.
    if (key.kind == YamlNode::Kind::kNull) key.scalar = "null";
    parent->has_key = true;
    parent->pair = {std::move(key.scalar), key.line, key.column, false, {}};
  }

  void AddPair(YamlNode* map, YamlPair pair) {
    auto same = [&](const YamlPair& p) { return p.key == pair.key; };
    auto first = std::find_if(map->pairs.begin(), map->pairs.end(), same);
    if (first == map->pairs.end() || pair.key == "<<") {
      map->pairs.push_back(std::move(pair));
      return;
    }
    diagnostics_->push_back(
        {{file_, pair.line, pair.column},
         fmt::format("\"{}\" stands here twice, first in line {}", pair.key, first->line),
         "keep one"});
  }

  // Replaces << by the pairs of the mapping it names; the mapping's own keys win.
  void Merge(YamlNode* map) {
    std::vector<YamlPair> pairs;
    std::vector<YamlNode> merges;
    for (YamlPair& pair : map->pairs) {
      if (pair.key != "<<") {
        pairs.push_back(std::move(pair));
      } else if (pair.value.kind == YamlNode::Kind::kList) {
        for (YamlNode& item : pair.value.items) merges.push_back(std::move(item));
      } else {
        merges.push_back(std::move(pair.value));
      }
    }
    for (YamlNode& merge : merges) {
      for (YamlPair& pair : merge.pairs) {
        auto same = [&](const YamlPair& p) { return p.key == pair.key; };
        if (std::any_of(pairs.begin(), pairs.end(), same)) continue;
        pair.merged = true;
        pairs.push_back(std::move(pair));
      }
    }
    map->pairs = std::move(pairs);
  }

  const std::string& file_;
  Diagnostics* diagnostics_;
  YamlNode root_;
  std::vector<Open_> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  size_t nodes_ = 0;
};

// The length of the UTF-8 character at `at`, or 0 if there is none that is allowed in a
// YAML file.
size_t CharacterAt(std::string_view text, size_t at) {
  auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  unsigned lead = byte(at);
  if (lead < 0x80) return lead >= 0x20 || lead == '\n' || lead == '\t' || lead == '\r';
  size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool CheckText(std::string_view text, const std::string& file, Diagnostics* diagnostics) {
  if (text.size() > kMaxBytes) {
    diagnostics->push_back(
        {{file, 1, 1}, fmt::format("the file is larger than {} bytes", kMaxBytes), ""});
    return false;
  }
  Place place{file, 1, 1};
  for (size_t i = 0; i < text.size();) {
    size_t length = CharacterAt(text, i);
    if (length == 0) {
      diagnostics->push_back(
          {place,
           fmt::format("byte 0x{:02x} is not text", static_cast<unsigned char>(text[i])),
           "save the file as UTF-8"});
      return false;
    }
    bool newline = text[i] == '\n';
    place.line += newline ? 1 : 0;
    place.column = newline ? 1 : place.column + 1;
    i += length;
  }
  return true;
}

std::string_view Line(std::string_view text, int line) {
  for (int i = 0; i < line; i++) {
    size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What most often brings people here, for the line the parser stopped at or the one
// above.
std::string SyntaxHint(std::string_view text, const YAML::Mark& mark) {
  for (int line : {mark.line, mark.line - 1}) {
    if (line < 0) continue;
    std::string_view at = Line(text, line);
    size_t indent = at.find_first_not_of(' ');
    if (indent != std::string_view::npos && at[indent] == '\t') {
      return "indent with spaces, not tabs";
    }
    size_t value = at.find(": ");
    if (value == std::string_view::npos) value = at.find("- ");
    if (value == std::string_view::npos) continue;
    value = at.find_first_not_of(" -[", value + 1);
    if (value != std::string_view::npos &&
        std::string_view("{*@%&`!|>").find(at[value]) != std::string_view::npos) {
      return fmt::format("put a value that starts with {} into quotes", at[value]);
    }
  }
  return {};
}

}  // namespace

std::optional<YamlNode> ParseYaml(std::string_view text, const std::string& file,
                                  Diagnostics* diagnostics) {
  if (!CheckText(text, file, diagnostics)) return std::nullopt;
  TreeBuilder builder(file, diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    YamlNode root = builder.Take();
    if (parser.HandleNextDocument(builder)) {
      diagnostics->push_back({{file, 1, 1},
                              "the file has more than one YAML document",
                              "put each into a file of its own"});
      return std::nullopt;
    }
    return root;
  } catch (const Refused& refused) {
    diagnostics->push_back(refused.diagnostic);
  } catch (const YAML::Exception& error) {
    bool placed = !error.mark.is_null();
    diagnostics->push_back(
        {{file, placed ? error.mark.line + 1 : 1, placed ? error.mark.column + 1 : 1},
         "not valid YAML: " + error.msg,
         SyntaxHint(text, error.mark)});
  } catch (const std::exception& error) {
    diagnostics->push_back(
        {{file, 1, 1}, fmt::format("not valid YAML: {}", error.what()), ""});
  }
  return std::nullopt;
}

}  // namespace leat
