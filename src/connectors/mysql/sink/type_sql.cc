// SQL types: TypeSql and IsWider of shape.h.
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "connectors/mysql/sink/shape.h"
#include "connectors/mysql/values/column.h"

namespace leat::mysql {
namespace {

constexpr int kUuid = 100700;  // MariaDB
constexpr int kInet4 = 101000;
constexpr int kVector = 90000;            // MySQL
constexpr int64_t kMostVarchar = 16'383;  // characters of utf8mb4 in 65535 bytes

// "varchar(20)", "decimal(10,2) unsigned", "enum('a','b')" in parts.
struct ParsedType {
  std::string base;
  std::string arguments;
  bool is_unsigned = false;
  int64_t first = 0;
  int64_t second = 0;
};

ParsedType Parse(std::string_view type) {
  ParsedType out;
  const size_t open = std::min(type.find('('), type.size());
  const size_t close = type.rfind(')');
  out.base = std::string(type.substr(0, open));
  if (const size_t space = out.base.find(' '); space != std::string::npos) {
    out.base.resize(space);
  }
  std::string_view rest = type;
  if (open < type.size() && close != type.npos && close > open) {
    out.arguments = std::string(type.substr(open + 1, close - open - 1));
    rest = type.substr(close);
  }
  out.is_unsigned = rest.find("unsigned") != rest.npos;
  const char* end = out.arguments.data() + out.arguments.size();
  const auto first = std::from_chars(out.arguments.data(), end, out.first);
  if (first.ptr != end && *first.ptr == ',') {
    std::from_chars(first.ptr + 1, end, out.second);
  }
  return out;
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool IsText(std::string_view base) {
  return IsOneOf(base, {"char", "varchar", "tinytext", "text", "mediumtext", "longtext",
                        "enum", "set"});
}

// True where the source is a MySQL or MariaDB, by its own word for the type.
bool IsMysqlType(const TableSchema& schema, const Column& column,
                 const ParsedType& parsed) {
  if (!schema.id.schema.empty() || column.source_type.empty()) return false;
  InformationSchemaColumn row;
  row.name = column.name;
  row.data_type = parsed.base;
  row.column_type = column.source_type;
  row.collation = IsText(parsed.base) ? "utf8mb4_bin" : "";
  const auto def = FromInformationSchema(row, Flavor::kMariaDb);
  if (!def.ok()) return false;
  const auto type = ArrowType(*def);
  return type.ok() && (*type)->Equals(column.type);
}

std::string KeyCollation(const ServerInfo& server) {
  return server.mariadb ? " COLLATE utf8mb4_nopad_bin" : " COLLATE utf8mb4_0900_bin";
}

// The type as that server has it.
std::string Translated(const Column& column, const ParsedType& type, bool key,
                       const ServerInfo& server) {
  const std::string& base = type.base;
  if (base == "uuid" && !(server.mariadb && server.AtLeast(kUuid))) return "char(36)";
  if (base == "inet6" && !server.mariadb) return "varchar(39)";
  if (base == "inet4" && !(server.mariadb && server.AtLeast(kInet4))) {
    return "varchar(15)";
  }
  if (base == "vector") {
    return !server.mariadb && server.AtLeast(kVector) ? "vector(16383)" : "mediumblob";
  }
  if (key && base.ends_with("text")) return "varchar(255)" + KeyCollation(server);
  if (key && base.ends_with("blob")) return "varbinary(255)";
  if (base == "varchar" && type.first > kMostVarchar) return "mediumtext";
  // Labels and keys that differ for the source must do so here.
  if (IsText(base) && (key || base == "enum" || base == "set")) {
    return column.source_type + KeyCollation(server);
  }
  return column.source_type;
}

Result<std::string> FromArrowType(const TableSchema& schema, const Column& column,
                                  bool key, const ServerInfo& server) {
  switch (column.type->id()) {
    case arrow::Type::BOOL: return std::string("tinyint(1)");
    case arrow::Type::INT8: return std::string("tinyint");
    case arrow::Type::UINT8:
    case arrow::Type::INT16: return std::string("smallint");
    case arrow::Type::UINT16:
    case arrow::Type::INT32: return std::string("int");
    case arrow::Type::UINT32:
    case arrow::Type::INT64: return std::string("bigint");
    case arrow::Type::UINT64: return std::string("bigint unsigned");
    case arrow::Type::FLOAT: return std::string("float");
    case arrow::Type::DOUBLE: return std::string("double");
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(*column.type);
      return fmt::format("decimal({},{})", decimal.precision(), decimal.scale());
    }
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
      return key ? "varchar(255)" + KeyCollation(server) : "longtext";
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
      return std::string(key ? "varbinary(255)" : "longblob");
    case arrow::Type::FIXED_SIZE_BINARY:
      return fmt::format(
          "binary({})",
          static_cast<const arrow::FixedSizeBinaryType&>(*column.type).byte_width());
    case arrow::Type::DATE32: return std::string("date");
    case arrow::Type::TIMESTAMP: return std::string("datetime(6)");
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return std::string("time(6)");
    default:
      return Status::Config(
          fmt::format("column `{}` of {} is a {}, which no MySQL column holds; turn it "
                      "into text in a "
                      "step, or leave it out",
                      column.name, schema.id.ToString(), column.type->ToString()));
  }
}

int Rank(std::string_view base, std::initializer_list<std::string_view> order) {
  const auto found = std::ranges::find(order, base);
  return found == order.end() ? -1 : static_cast<int>(found - order.begin());
}

}  // namespace

Result<std::string> TypeSql(const TableSchema& schema, const Column& column, bool key,
                            const ServerInfo& server) {
  const ParsedType parsed = Parse(column.source_type);
  if (IsMysqlType(schema, column, parsed)) return Translated(column, parsed, key, server);
  return FromArrowType(schema, column, key, server);
}

bool IsWider(std::string_view from, std::string_view to) {
  const ParsedType a = Parse(from);
  const ParsedType b = Parse(to);
  const auto integers = {std::string_view("tinyint"), std::string_view("smallint"),
                         std::string_view("mediumint"), std::string_view("int"),
                         std::string_view("bigint")};
  if (const int rank = Rank(a.base, integers); rank >= 0) {
    return a.is_unsigned == b.is_unsigned && Rank(b.base, integers) > rank;
  }
  if (a.base == "float") return b.base == "double";
  if (a.base == "decimal" && b.base == "decimal") {
    const bool holds = b.second >= a.second && b.first - b.second >= a.first - a.second;
    return holds && a.is_unsigned == b.is_unsigned &&
           (b.first != a.first || b.second != a.second);
  }
  if ((a.base == "enum" || a.base == "set") && a.base == b.base) {
    return b.arguments.size() > a.arguments.size() &&
           b.arguments.starts_with(a.arguments);
  }
  const auto texts = {std::string_view("char"),       std::string_view("varchar"),
                      std::string_view("tinytext"),   std::string_view("text"),
                      std::string_view("mediumtext"), std::string_view("longtext")};
  const auto bytes = {std::string_view("binary"),     std::string_view("varbinary"),
                      std::string_view("tinyblob"),   std::string_view("blob"),
                      std::string_view("mediumblob"), std::string_view("longblob")};
  for (const auto& order : {texts, bytes}) {
    const int rank = Rank(a.base, order);
    if (rank < 0) continue;
    const int other = Rank(b.base, order);
    if (rank == 1 && other == 2) return a.first <= 63;  // tinytext: 255 bytes
    if (rank <= 1 && other <= 1) return other >= rank && b.first > a.first;
    return other > rank;
  }
  // Digits of a second, and bits.
  return IsOneOf(a.base, {"datetime", "timestamp", "time", "bit"}) && a.base == b.base &&
         b.first > a.first;
}

}  // namespace leat::mysql
