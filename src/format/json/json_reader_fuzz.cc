// Any bytes as JSON: what our reader takes another takes too, with the same members and
// values, and what it refuses is refused.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "format/json/reader.h"

namespace leat::json {
namespace {

constexpr size_t kDeep = 400;  // our reader has a limit, the other has none

bool Same(const Value& ours, const nlohmann::json& theirs) {
  switch (ours.kind) {
    case Value::Kind::kNull: return theirs.is_null();
    case Value::Kind::kBool: return theirs.is_boolean() && theirs == ours.boolean;
    case Value::Kind::kInt: return theirs.is_number_integer() && theirs == ours.integer;
    case Value::Kind::kUint: return theirs.is_number_unsigned() && theirs == ours.natural;
    case Value::Kind::kReal:
      return theirs.is_number_float() && theirs.get<double>() == ours.real;
    case Value::Kind::kString:
      return theirs.is_string() && theirs.get_ref<const std::string&>() == ours.text;
    case Value::Kind::kNested:
      return theirs.is_structured() && nlohmann::json::parse(ours.text) == theirs;
    default: return false;  // no kind of JSON's
  }
}

void CheckObject(const std::vector<Member>& members, const nlohmann::json& theirs) {
  std::map<std::string_view, const Value*> ours;
  for (const Member& member : members) ours[member.name] = &member.value;
  if (!theirs.is_object() || theirs.size() != ours.size()) std::abort();
  for (const auto& [name, value] : ours) {
    const auto found = theirs.find(std::string(name));
    if (found == theirs.end() || !Same(*value, *found)) std::abort();
  }
}

void CheckArray(const std::vector<Value>& ours, const nlohmann::json& theirs) {
  if (!theirs.is_array() || theirs.size() != ours.size()) std::abort();
  for (size_t i = 0; i < ours.size(); i++) {
    if (!Same(ours[i], theirs[i])) std::abort();
  }
}

void Check(std::string_view text) {
  Reader reader;
  std::vector<Member> members;
  const bool object = reader.Read(text, &members).ok();
  Reader array_reader;
  std::vector<Value> values;
  const bool array = array_reader.ReadArray(text, &values).ok();
  if (text.find('\0') != std::string_view::npos) {
    if (object || array) std::abort();
    return;  // to the other a NUL is the end
  }
  nlohmann::json theirs;
  try {
    theirs = nlohmann::json::parse(text);
  } catch (const nlohmann::json::out_of_range&) {
    return;  // a number beyond a double, at which it stops
  } catch (const nlohmann::json::parse_error&) {
    if (object || array) std::abort();
    return;
  }
  if (object) CheckObject(members, theirs);
  if (array) CheckArray(values, theirs);
  const auto brackets = std::count_if(text.begin(), text.end(),
                                      [](char c) { return c == '[' || c == '{'; });
  const bool marked = text.starts_with("\xef\xbb\xbf");  // which JSON must not be
  if (marked || static_cast<size_t>(brackets) > kDeep) return;
  if (object != theirs.is_object() || array != theirs.is_array()) std::abort();
}

}  // namespace
}  // namespace leat::json

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  leat::json::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
