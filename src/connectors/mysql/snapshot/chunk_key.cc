#include "connectors/mysql/snapshot/chunk_key.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/values/text_decoder.h"

namespace leat::mysql {
namespace {

std::string ClockText(int64_t micros) {  // of a day or a TIME
  std::string sign = micros < 0 ? "-" : "";
  uint64_t n =
      micros < 0 ? 0 - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  uint64_t seconds = n / 1'000'000;
  return fmt::format("{}{:02}:{:02}:{:02}.{:06}", sign, seconds / 3600, seconds / 60 % 60,
                     seconds % 60, n % 1'000'000);
}

std::string Day(int64_t days) {
  std::chrono::year_month_day day{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string Instant(int64_t micros) {
  constexpr int64_t kDay = 86'400'000'000;
  int64_t days = micros / kDay - (micros % kDay < 0 ? 1 : 0);
  return Day(days) + ' ' + ClockText(micros - days * kDay);
}

// The number an ENUM or SET stores: what it is ordered by.
std::string LabelNumber(const ColumnDef& column, std::string_view text) {
  auto find = [&](std::string_view label) {
    auto at = std::find(column.labels.begin(), column.labels.end(), label);
    return at - column.labels.begin();
  };
  auto known = static_cast<std::ptrdiff_t>(column.labels.size());
  if (column.type == Type::kEnum) {
    std::ptrdiff_t at = find(text);
    return std::to_string(at == known ? 0 : at + 1);
  }
  uint64_t bits = 0;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    if (std::ptrdiff_t at = find(text.substr(0, comma)); at < known) bits |= 1ULL << at;
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return std::to_string(bits);
}

__int128 ParseInteger(std::string_view text) {
  bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  __int128 number = 0;
  for (char c : text) number = number * 10 + (c - '0');
  return negative ? -number : number;
}

bool OnlyOf(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

ChunkKey::Form ChunkKey::FormOf(const ColumnDef& column) {
  if (column.native != Native::kNone) return Form::kNative;
  switch (column.type) {
    case Type::kTiny:
    case Type::kShort:
    case Type::kInt24:
    case Type::kLong:
    case Type::kLongLong:
    case Type::kYear:
    case Type::kBit:
    case Type::kEnum:
    case Type::kSet: return Form::kInteger;
    case Type::kDecimal:
    case Type::kOldDecimal: return Form::kNumber;
    case Type::kFloat:
    case Type::kDouble: return Form::kDouble;
    case Type::kDate:
    case Type::kNewDate:
    case Type::kTime:
    case Type::kTime2:
    case Type::kDatetime:
    case Type::kDatetime2:
    case Type::kTimestamp:
    case Type::kTimestamp2: return Form::kTime;
    default: return column.is_text() ? Form::kText : Form::kBytes;
  }
}

ChunkKey::ChunkKey(const CatalogTable& table, const std::vector<KeyColumn>& order) {
  for (const KeyColumn& key : order) {
    const ColumnDef& column = table.def.columns[static_cast<size_t>(key.column)];
    parts_.push_back(
        {column, FormOf(column), QuoteName(column.name), key.charset, key.collation});
  }
}

std::vector<std::string> ChunkKey::names() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) names.push_back(part.column.name);
  return names;
}

std::string ChunkKey::SelectList() const {
  std::string list;
  for (const Part& part : parts_) {
    if (!list.empty()) list += ", ";
    switch (part.form) {
      case Form::kInteger: list += part.name + "+0"; break;
      case Form::kNative: list += "HEX(CAST(" + part.name + " AS CHAR))"; break;
      case Form::kText: list += "HEX(CONVERT(" + part.name + " USING utf8mb4))"; break;
      case Form::kBytes: list += "HEX(" + part.name + ")"; break;
      default: list += part.name;
    }
  }
  return list;
}

std::string ChunkKey::OrderBy() const {
  std::string list;
  for (const Part& part : parts_) {
    list += (list.empty() ? "" : ", ") + part.name;
  }
  return list;
}

std::string ChunkKey::Literal(const Part& part, const std::string& value) {
  switch (part.form) {
    case Form::kInteger:
    case Form::kNumber: return value;
    case Form::kDouble:
      return value.find_first_of("eE") == std::string::npos ? value + "e0" : value;
    case Form::kTime: return '\'' + value + '\'';
    case Form::kNative: return "CAST(_utf8mb4 x'" + value + "' AS CHAR)";
    case Form::kBytes: return "_binary x'" + value + '\'';
    case Form::kText: break;
  }
  std::string text = "_utf8mb4 x'" + value + '\'';
  if (part.charset != "utf8mb4")
    text = "CONVERT(" + text + " USING " + part.charset + ')';
  return text + " COLLATE " + part.collation;
}

std::string ChunkKey::Typed(const Part& part, const std::string& value) {
  std::string literal = Literal(part, value);
  if (part.form == Form::kNative) {
    const char* type = part.column.native == Native::kUuid    ? "UUID"
                       : part.column.native == Native::kInet4 ? "INET4"
                                                              : "INET6";
    return fmt::format("CAST({} AS {})", literal, type);
  }
  if (part.form != Form::kTime) return literal;
  switch (part.column.type) {
    case Type::kDate:
    case Type::kNewDate: return fmt::format("CAST({} AS DATE)", literal);
    case Type::kTime:
    case Type::kTime2: return fmt::format("CAST({} AS TIME(6))", literal);
    default: return fmt::format("CAST({} AS DATETIME(6))", literal);
  }
}

// No server answers `enum > 2` from an index, but all do `enum IN (3, 4)`.
std::string ChunkKey::Bound(const Part& part, std::string_view op,
                            const std::string& value) {
  constexpr size_t kMostLabels = 1000;
  size_t labels = part.column.labels.size();
  if (part.column.type != mysql::Type::kEnum || labels > kMostLabels || op == "=") {
    return fmt::format("{} {} {}", part.name, op, Literal(part, value));
  }
  auto at = static_cast<size_t>(ParseInteger(value));
  bool up = op.front() == '>';
  bool with = op.back() == '=';
  size_t first = up ? at + (with ? 0 : 1) : 0;
  size_t end = up ? labels + 1 : at + (with ? 1 : 0);
  std::string numbers;
  for (size_t i = first; i < end; i++) {
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(i);
  }
  return numbers.empty() ? "FALSE" : part.name + " IN (" + numbers + ")";
}

// (a > A) OR (a = A AND b > B) ...: unlike the row comparison (a, b) > (A, B) this is
// answered by a range of the index. The bound on the first column alone is implied and
// helps optimizers that give up on the OR.
std::string ChunkKey::Compare(const KeyValues& key, std::string_view strict,
                              std::string_view last) const {
  std::string condition;
  std::string equal;
  for (size_t i = 0; i < parts_.size(); i++) {
    std::string_view op = i + 1 == parts_.size() ? last : strict;
    condition += fmt::format("{}({}{})", i == 0 ? "" : " OR ", equal,
                             Bound(parts_[i], op, key[i]));
    equal += Bound(parts_[i], "=", key[i]) + " AND ";
  }
  if (parts_.size() == 1) return condition;
  return fmt::format("({}) AND ({})", Bound(parts_[0], std::string(strict) + '=', key[0]),
                     condition);
}

std::string ChunkKey::After(const KeyValues& key) const { return Compare(key, ">", ">"); }

std::string ChunkKey::From(const KeyValues& key) const { return Compare(key, ">", ">="); }

std::string ChunkKey::UpTo(const KeyValues& key) const { return Compare(key, "<", "<="); }

bool ChunkKey::integers() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.form == Form::kInteger; });
}

bool ChunkKey::NotAfter(const KeyValues& key, const KeyValues& limit) const {
  for (size_t i = 0; i < parts_.size(); i++) {
    __int128 a = ParseInteger(key[i]);
    __int128 b = ParseInteger(limit[i]);
    if (a != b) return a < b;
  }
  return true;
}

std::string ChunkKey::NotAfterExpression(const KeyValues& key,
                                         const KeyValues& limit) const {
  std::string left;
  std::string right;
  for (size_t i = 0; i < parts_.size(); i++) {
    left += (i == 0 ? "" : ", ") + Typed(parts_[i], key[i]);
    right += (i == 0 ? "" : ", ") + Typed(parts_[i], limit[i]);
  }
  return fmt::format("({}) <= ({})", left, right);
}

Status ChunkKey::Check(const KeyValues& key) const {
  bool good = key.size() == parts_.size();
  for (size_t i = 0; good && i < parts_.size(); i++) {
    const std::string& value = key[i];
    switch (parts_[i].form) {
      case Form::kInteger:
        good = !value.empty() && OnlyOf(value, "-0123456789") && value.size() <= 21;
        break;
      case Form::kNumber:
      case Form::kDouble:
        good = !value.empty() && OnlyOf(value, "+-.0123456789eE");
        break;
      case Form::kTime: good = !value.empty() && OnlyOf(value, "-.: 0123456789"); break;
      default: good = value.size() % 2 == 0 && OnlyOf(value, "0123456789abcdefABCDEF");
    }
  }
  if (good) return Status::Ok();
  return Status::Config(fmt::format(
      "the saved place in the snapshot does not fit the key ({}): the key was changed; "
      "the table has to be read anew",
      OrderBy()));
}

Result<std::string> ChunkKey::Text(const Part& part, const arrow::Array& array,
                                   int64_t row) {
  using arrow::Type;
  auto bytes = [&]() -> std::string_view {
    return static_cast<const arrow::BinaryArray&>(array).GetView(row);
  };
  switch (array.type_id()) {
    case Type::BOOL:
      return std::string(static_cast<const arrow::BooleanArray&>(array).Value(row) ? "1"
                                                                                   : "0");
    case Type::INT32:
      return std::to_string(static_cast<const arrow::Int32Array&>(array).Value(row));
    case Type::INT64: {
      int64_t value = static_cast<const arrow::Int64Array&>(array).Value(row);
      return part.form == Form::kTime ? ClockText(value) : std::to_string(value);
    }
    case Type::DOUBLE:
      return fmt::format("{}", static_cast<const arrow::DoubleArray&>(array).Value(row));
    case Type::DECIMAL128:
      return static_cast<const arrow::Decimal128Array&>(array).FormatValue(row);
    case Type::DATE32:
      return Day(static_cast<const arrow::Date32Array&>(array).Value(row));
    case Type::TIMESTAMP:
      return Instant(static_cast<const arrow::TimestampArray&>(array).Value(row));
    case Type::STRING:
    case Type::BINARY: break;
    default: return Status::Bug("a key column of Arrow type " + array.type()->ToString());
  }
  if (part.column.type == mysql::Type::kEnum || part.column.type == mysql::Type::kSet) {
    return LabelNumber(part.column, bytes());
  }
  if (part.column.type == mysql::Type::kBit) {
    uint64_t number = 0;
    for (char c : bytes()) number = number << 8 | static_cast<uint8_t>(c);
    return std::to_string(number);
  }
  if (part.form == Form::kNumber) return std::string(bytes());
  return Hex(bytes());
}

Result<KeyValues> ChunkKey::Of(const arrow::RecordBatch& rows, int64_t row) const {
  KeyValues key;
  for (const Part& part : parts_) {
    std::shared_ptr<arrow::Array> array = rows.GetColumnByName(part.column.name);
    if (!array || array->IsNull(row)) {
      return Status::Bug("a row without its key's column " + part.name);
    }
    ASSIGN_OR_RETURN(std::string text, Text(part, *array, row));
    key.push_back(std::move(text));
  }
  return key;
}

}  // namespace leat::mysql
