// Columns out of JSON records whose columns nobody declared. What a field's values have
// in common decides its type when it is first seen:
//
//   true, false            boolean          whole numbers to 64 bits  bigint
//   numbers above 2^63     decimal(20,0)    any other numbers         double
//   text, nested, a mix    string
//
// Within the records looked at together the widest wins; afterwards a column keeps its
// type, and a value that does not fit it is a dead letter. A field that was null so far
// has no column yet. Columns stand in the order in which their fields came. One thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/schema.h"
#include "format/json/reader.h"

namespace leat::json {

class Inference {
 public:
  // The columns known so far; fields of these names are not looked at.
  explicit Inference(const std::vector<Column>& known);

  void Look(const std::vector<Member>& members);
  // The columns known and those that are new, and whether there are any.
  std::vector<Column> Columns() const;
  bool found() const { return !found_.empty(); }

 private:
  enum class Guess : uint8_t { kBool, kInt, kUint, kReal, kText };
  static Guess Of(const Value& value);
  static Guess Wider(Guess a, Guess b);

  std::vector<Column> columns_;
  std::vector<std::pair<std::string, Guess>> found_;
  std::unordered_map<std::string, int> places_;  // in found_; -1: known
};

}  // namespace leat::json
