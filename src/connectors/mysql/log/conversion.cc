#include "connectors/mysql/log/conversion.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "connectors/mysql/log/sql_tokens.h"
#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

// A type as written: VARCHAR(20) CHARACTER SET latin1 NOT NULL.
struct WrittenType {
  std::string name;  // upper case, one name for each type
  std::vector<std::string> arguments;
  std::string charset;  // empty: not named
  bool is_unsigned = false;
  bool not_null = false;
  bool computed = false;

  int64_t Argument(size_t i, int64_t otherwise) const {
    int64_t number = otherwise;
    if (i >= arguments.size()) return otherwise;
    const std::string& text = arguments[i];
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
};

std::string Canonical(const std::string& name) {
  static const std::map<std::string, std::string> kSame = {
      {"INTEGER", "INT"},   {"INT1", "TINYINT"},   {"INT2", "SMALLINT"},
      {"INT4", "INT"},      {"INT8", "BIGINT"},    {"INT3", "MEDIUMINT"},
      {"BOOL", "TINYINT"},  {"DEC", "DECIMAL"},    {"BOOLEAN", "TINYINT"},
      {"FIXED", "DECIMAL"}, {"REAL", "DOUBLE"},    {"NUMERIC", "DECIMAL"},
      {"JSON", "JSON"},     {"LONG", "MEDIUMTEXT"}};
  auto found = kSame.find(name);
  return found == kSame.end() ? name : found->second;
}

WrittenType ParseType(std::string_view text) {
  SqlTokens tokens(text);
  WrittenType type;
  SqlToken token = tokens.Next();
  type.name = Canonical(UpperCase(token.text));
  token = tokens.Next();
  if (token.IsSymbol('(')) {
    for (token = tokens.Next();
         token.kind != SqlToken::Kind::kEnd && !token.IsSymbol(')');
         token = tokens.Next()) {
      if (!token.IsSymbol(',')) type.arguments.push_back(token.text);
    }
    token = tokens.Next();
  }
  while (token.kind != SqlToken::Kind::kEnd) {
    if (token.Is("UNSIGNED") || token.Is("ZEROFILL")) type.is_unsigned = true;
    if (token.Is("AS") || token.Is("GENERATED")) type.computed = true;
    // Another character set by another name.
    if (token.Is("ASCII") || token.Is("UNICODE") || token.Is("BINARY")) {
      type.computed = true;
    }
    bool set = token.Is("CHARSET");
    bool no = token.Is("NOT");
    if (token.Is("CHARACTER")) set = tokens.Next().Is("SET");
    if (token.Is("COMMENT") || token.Is("DEFAULT")) tokens.Next();
    token = tokens.Next();
    if (set && token.IsSymbol('=')) token = tokens.Next();
    if (set) type.charset = token.text;
    if (no && token.Is("NULL")) type.not_null = true;
  }
  return type;
}

int IntegerBytes(const std::string& name) {
  if (name == "TINYINT") return 1;
  if (name == "SMALLINT") return 2;
  if (name == "MEDIUMINT") return 3;
  if (name == "INT") return 4;
  return name == "BIGINT" ? 8 : 0;
}

// Most bytes of a TEXT or BLOB; 0: another type.
int64_t LobBytes(const std::string& name) {
  if (name == "TINYTEXT" || name == "TINYBLOB") return 0xff;
  if (name == "TEXT" || name == "BLOB") return 0xffff;
  if (name == "MEDIUMTEXT" || name == "MEDIUMBLOB") return 0xffffff;
  return name == "LONGTEXT" || name == "LONGBLOB" ? 0xffffffff : 0;
}

bool IntegerKept(const WrittenType& was, const WrittenType& to) {
  int from_bytes = IntegerBytes(was.name);
  int to_bytes = IntegerBytes(to.name);
  if (was.is_unsigned == to.is_unsigned) return to_bytes >= from_bytes;
  return was.is_unsigned && to_bytes > from_bytes;
}

// CHAR and BINARY take away or add what stands at the end.
bool StringKept(const ColumnDef& was, const WrittenType& from, const WrittenType& to) {
  const bool text = was.is_text();
  const std::string var = text ? "VARCHAR" : "VARBINARY";
  const int64_t to_lob = LobBytes(to.name);
  const bool to_text = to.name.ends_with("TEXT");
  if (from.name == to.name && to_lob == 0) {
    if (from.name == "BINARY") return from.Argument(0, 1) == to.Argument(0, 1);
    return to.Argument(0, 1) >= from.Argument(0, 1);
  }
  if (to_lob > 0) {
    if (to_text != text) return false;
    const int64_t from_lob = LobBytes(from.name);
    constexpr int64_t kMostBytesOfACharacter = 4;
    const int64_t most = from_lob > 0
                             ? from_lob
                             : from.Argument(0, 1) * (text ? kMostBytesOfACharacter : 1);
    return to_lob >= most && to.arguments.empty();
  }
  return text && from.name == "CHAR" && to.name == var &&
         to.Argument(0, 1) >= from.Argument(0, 1);
}

bool CharsetKept(const ColumnDef& was, const WrittenType& to, const ColumnDef* now) {
  if (!was.is_text()) return true;
  const Charset* set = nullptr;
  if (!to.charset.empty()) {
    std::string name = to.charset;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<uint8_t>(c)));
    set = Charset::Named(name);
  } else if (now != nullptr) {
    set = now->charset;
  }
  return set != nullptr && (set == was.charset || set == Charset::Named("utf8mb4"));
}

bool TypeKept(const ColumnDef& was, const WrittenType& from, const WrittenType& to) {
  if (IntegerBytes(from.name) > 0 && IntegerBytes(to.name) > 0) {
    return IntegerKept(from, to);
  }
  const bool same = from.name == to.name;
  switch (was.type) {
    case Type::kDecimal:
      // A scale of more digits is another type to whoever keeps the table.
      return same && to.Argument(1, 0) == was.scale &&
             to.Argument(0, 10) >= was.precision && (!to.is_unsigned || was.is_unsigned);
    case Type::kFloat:
      return (same || to.name == "DOUBLE") && to.arguments.empty() &&
             (!to.is_unsigned || was.is_unsigned);
    case Type::kDouble:
      return same && to.arguments.empty() && (!to.is_unsigned || was.is_unsigned);
    case Type::kTimestamp:
    case Type::kDatetime:
    case Type::kTime:
    case Type::kTimestamp2:
    case Type::kDatetime2:
    case Type::kTime2: return same && to.Argument(0, 0) >= was.scale;
    case Type::kBit: return same && to.Argument(0, 1) == was.length;
    case Type::kEnum:
    case Type::kSet:
      return same && to.arguments.size() >= was.labels.size() &&
             std::equal(was.labels.begin(), was.labels.end(), to.arguments.begin());
    case Type::kString:
    case Type::kVarchar:
    case Type::kVarString:
    case Type::kBlob:
      if (was.native == Native::kNone) return StringKept(was, from, to);
      return same;
    default: return same && to.arguments.empty();
  }
}

}  // namespace

bool KeepsValues(const ColumnDef& was, std::string_view definition,
                 const ColumnDef* now) {
  const WrittenType from = ParseType(was.source_type);
  const WrittenType to = ParseType(definition);
  if (to.computed || (was.nullable && to.not_null)) return false;
  return TypeKept(was, from, to) && CharsetKept(was, to, now);
}

}  // namespace leat::mysql
