#include "connectors/mysql/values/column.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

constexpr int kMaxDecimal128 = 38;
constexpr const char* kGeometryNames[] = {
    "geometry",   "point",           "linestring",   "polygon",
    "multipoint", "multilinestring", "multipolygon", "geometrycollection"};

Status Unmapped(const ColumnDef& column, std::string_view why) {
  return Status::Config(
      fmt::format("column `{}`: {}; leave its table out, or change the column's type",
                  column.name, why));
}

std::string Quoted(const std::string& label) {
  std::string out = "'";
  for (char c : label) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::string LabelList(const ColumnDef& column) {
  std::string out;
  for (const std::string& label : column.labels) {
    if (!out.empty()) out += ',';
    out += Quoted(label);
  }
  return '(' + out + ')';
}

std::string BlobName(const ColumnDef& column) {
  static constexpr const char* kSizes[] = {"", "tiny", "", "medium", "long"};
  return fmt::format("{}{}", kSizes[std::min<uint32_t>(column.length, 4)],
                     column.is_binary() ? "blob" : "text");
}

std::string WithDigits(const char* name, const ColumnDef& column) {
  return column.scale ? fmt::format("{}({})", name, column.scale) : name;
}

uint32_t Characters(const ColumnDef& column) {
  const int size = column.charset ? column.charset->max_bytes() : 1;
  return column.length / static_cast<uint32_t>(size);
}

// The first number in parentheses and the second, of a COLUMN_TYPE; 0 where none.
std::pair<uint32_t, uint32_t> Sizes(std::string_view type) {
  uint32_t first = 0;
  uint32_t second = 0;
  if (const size_t open = type.find('('); open != std::string_view::npos) {
    const char* end = type.data() + type.size();
    const auto read = std::from_chars(type.data() + open + 1, end, first);
    if (read.ptr != end && *read.ptr == ',') {
      std::from_chars(read.ptr + 1, end, second);
    }
  }
  return {first, second};
}

char Unescaped(char c) {
  switch (c) {
    case '0': return '\0';
    case 'n': return '\n';
    case 'r': return '\r';
    default: return c;
  }
}

// enum('a','it''s') as the servers write it.
std::vector<std::string> Labels(std::string_view type) {
  std::vector<std::string> labels;
  size_t i = type.find('(');
  while (i < type.size() && type[i] != ')') {
    if (type[i] != '\'') {
      i++;
      continue;
    }
    std::string label;
    for (i++; i < type.size(); i++) {
      if (type[i] == '\\' && i + 1 < type.size()) {
        label += Unescaped(type[++i]);
      } else if (type[i] != '\'') {
        label += type[i];
      } else if (i + 1 < type.size() && type[i + 1] == '\'') {
        label += type[++i];
      } else {
        break;
      }
    }
    labels.push_back(std::move(label));
    i++;
  }
  return labels;
}

struct NamedType {
  std::string_view name;
  Type type;
  uint32_t length;  // as ColumnDef::length, where the name alone gives it
};

constexpr NamedType kNames[] = {
    {"tinyint", Type::kTiny, 0},
    {"smallint", Type::kShort, 0},
    {"mediumint", Type::kInt24, 0},
    {"int", Type::kLong, 0},
    {"bigint", Type::kLongLong, 0},
    {"float", Type::kFloat, 4},
    {"double", Type::kDouble, 8},
    {"decimal", Type::kDecimal, 0},
    {"year", Type::kYear, 0},
    {"date", Type::kDate, 0},
    {"datetime", Type::kDatetime2, 0},
    {"timestamp", Type::kTimestamp2, 0},
    {"time", Type::kTime2, 0},
    {"char", Type::kString, 0},
    {"varchar", Type::kVarchar, 0},
    {"binary", Type::kString, 0},
    {"varbinary", Type::kVarchar, 0},
    {"tinytext", Type::kBlob, 1},
    {"text", Type::kBlob, 2},
    {"mediumtext", Type::kBlob, 3},
    {"longtext", Type::kBlob, 4},
    {"tinyblob", Type::kBlob, 1},
    {"blob", Type::kBlob, 2},
    {"mediumblob", Type::kBlob, 3},
    {"longblob", Type::kBlob, 4},
    {"enum", Type::kEnum, 0},
    {"set", Type::kSet, 0},
    {"bit", Type::kBit, 0},
    {"json", Type::kJson, 4},
    {"vector", Type::kVector, 4},
    {"uuid", Type::kString, 16},
    {"inet6", Type::kString, 16},
    {"inet4", Type::kString, 4},
    {"geometry", Type::kGeometry, 4},
    {"point", Type::kGeometry, 4},
    {"linestring", Type::kGeometry, 4},
    {"polygon", Type::kGeometry, 4},
    {"multipoint", Type::kGeometry, 4},
    {"multilinestring", Type::kGeometry, 4},
    {"multipolygon", Type::kGeometry, 4},
    {"geometrycollection", Type::kGeometry, 4},
    {"geomcollection", Type::kGeometry, 4},
};

Native NativeNamed(std::string_view name) {
  if (name == "uuid") return Native::kUuid;
  if (name == "inet6") return Native::kInet6;
  if (name == "inet4") return Native::kInet4;
  return Native::kNone;
}

// Temporal types in the format from before MariaDB 10.1, which the server marks so.
Type OldFormat(Type type) {
  switch (type) {
    case Type::kDatetime2: return Type::kDatetime;
    case Type::kTimestamp2: return Type::kTimestamp;
    case Type::kTime2: return Type::kTime;
    default: return type;
  }
}

uint8_t GeometryNumber(std::string_view name) {
  if (name == "geomcollection") name = "geometrycollection";
  for (uint8_t i = 0; i < std::size(kGeometryNames); i++) {
    if (name == kGeometryNames[i]) return i;
  }
  return 0;
}

// Sizes, labels and the like of a column whose `type` is known.
void ReadColumnType(const InformationSchemaColumn& row, ColumnDef* column) {
  const auto [first, second] = Sizes(row.column_type);
  switch (column->type) {
    case Type::kDecimal:
      column->precision = static_cast<uint8_t>(first);
      column->scale = static_cast<uint8_t>(second);
      break;
    case Type::kDatetime2:
    case Type::kTimestamp2:
    case Type::kTime2: column->scale = static_cast<uint8_t>(first); break;
    case Type::kBit: column->length = first; break;
    case Type::kEnum:
      column->labels = Labels(row.column_type);
      column->length = column->labels.size() < 256 ? 1 : 2;
      break;
    case Type::kSet: {
      column->labels = Labels(row.column_type);
      const auto bytes = static_cast<uint32_t>((column->labels.size() + 7) / 8);
      column->length = bytes > 4 ? 8 : bytes;
      break;
    }
    case Type::kGeometry: column->geometry = GeometryNumber(row.data_type); break;
    default: break;
  }
}

}  // namespace

bool ColumnDef::is_text() const { return charset && !charset->binary(); }
bool ColumnDef::is_binary() const { return charset && charset->binary(); }

Result<std::shared_ptr<arrow::DataType>> ArrowType(const ColumnDef& column) {
  switch (column.type) {
    case Type::kTiny:
    case Type::kShort:
    case Type::kInt24:
    case Type::kYear: return arrow::int32();
    case Type::kLong: return column.is_unsigned ? arrow::int64() : arrow::int32();
    case Type::kLongLong:
      if (column.is_unsigned) return arrow::decimal128(20, 0);
      return arrow::int64();
    case Type::kFloat: return arrow::float32();
    case Type::kDouble: return arrow::float64();
    case Type::kDecimal:
      if (column.precision > kMaxDecimal128) return arrow::utf8();
      return arrow::decimal128(column.precision, column.scale);
    case Type::kDate:
    case Type::kNewDate: return arrow::date32();
    case Type::kDatetime:
    case Type::kDatetime2: return arrow::timestamp(arrow::TimeUnit::MICRO);
    case Type::kTimestamp:
    case Type::kTimestamp2: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case Type::kTime:
    case Type::kTime2: return arrow::int64();
    case Type::kBit: return column.length == 1 ? arrow::boolean() : arrow::binary();
    case Type::kEnum:
    case Type::kSet:
    case Type::kJson: return arrow::utf8();
    case Type::kVector:
    case Type::kGeometry: return arrow::binary();
    case Type::kVarchar:
    case Type::kVarString:
    case Type::kString:
    case Type::kBlob:
    case Type::kCompressedBlob:
    case Type::kCompressedVarchar:
      // Without a known character set there are only bytes.
      if (column.is_text() || column.native != Native::kNone) return arrow::utf8();
      return arrow::binary();
    case Type::kOldDecimal:
    case Type::kNull:
    case Type::kTypedArray: break;
  }
  return Unmapped(column, fmt::format("no mapping for type {} of the binlog",
                                      static_cast<int>(column.type)));
}

Result<SchemaRef> MakeSchema(const TableDef& table) {
  std::vector<Column> columns;
  columns.reserve(table.columns.size());
  for (const ColumnDef& def : table.columns) {
    ASSIGN_OR_RETURN(auto type, ArrowType(def));
    const int at = static_cast<int>(columns.size());
    const bool key = std::find(table.key.begin(), table.key.end(), at) != table.key.end();
    const bool dated =
        type->id() == arrow::Type::DATE32 || type->id() == arrow::Type::TIMESTAMP;
    const bool nullable = !key && (def.nullable || dated);
    columns.push_back({def.name, std::move(type), nullable, def.source_type});
  }
  return TableSchema::Make(table.id, std::move(columns), table.key);
}

bool SameDeclaration(const TableSchema& a, const TableSchema& b) {
  return &a == &b || (a.SameShape(b) &&
                      std::ranges::equal(a.columns, b.columns, {}, &Column::source_type,
                                         &Column::source_type));
}

std::string SourceType(const ColumnDef& c) {
  auto number = [&](const char* name) {
    return fmt::format("{}{}", name, c.is_unsigned ? " unsigned" : "");
  };
  switch (c.type) {
    case Type::kTiny: return number("tinyint");
    case Type::kShort: return number("smallint");
    case Type::kInt24: return number("mediumint");
    case Type::kLong: return number("int");
    case Type::kLongLong: return number("bigint");
    case Type::kFloat: return number("float");
    case Type::kDouble: return number("double");
    case Type::kDecimal:
      return number(fmt::format("decimal({},{})", c.precision, c.scale).c_str());
    case Type::kYear: return "year";
    case Type::kDate:
    case Type::kNewDate: return "date";
    case Type::kDatetime:
    case Type::kDatetime2: return WithDigits("datetime", c);
    case Type::kTimestamp:
    case Type::kTimestamp2: return WithDigits("timestamp", c);
    case Type::kTime:
    case Type::kTime2: return WithDigits("time", c);
    case Type::kBit: return fmt::format("bit({})", c.length);
    case Type::kEnum: return "enum" + LabelList(c);
    case Type::kSet: return "set" + LabelList(c);
    case Type::kJson: return "json";
    case Type::kVector: return "vector";
    case Type::kGeometry: return kGeometryNames[c.geometry & 7];
    case Type::kBlob:
    case Type::kCompressedBlob: return BlobName(c);
    case Type::kString:
      if (c.native == Native::kUuid) return "uuid";
      if (c.native == Native::kInet6) return "inet6";
      if (c.native == Native::kInet4) return "inet4";
      return fmt::format("{}({})", c.is_binary() ? "binary" : "char", Characters(c));
    case Type::kVarchar:
    case Type::kVarString:
    case Type::kCompressedVarchar:
      return fmt::format("{}({})", c.is_binary() ? "varbinary" : "varchar",
                         Characters(c));
    case Type::kOldDecimal:
    case Type::kNull:
    case Type::kTypedArray: break;
  }
  return fmt::format("type {}", static_cast<int>(c.type));
}

Result<ColumnDef> FromInformationSchema(const InformationSchemaColumn& row,
                                        Flavor flavor) {
  ColumnDef column;
  column.name = row.name;
  column.nullable = row.nullable;
  const NamedType* named = std::find_if(std::begin(kNames), std::end(kNames),
                                        [&](auto& n) { return n.name == row.data_type; });
  if (named == std::end(kNames)) {
    return Unmapped(column, fmt::format("no mapping for type {}", row.column_type));
  }
  column.type = named->type;
  column.length = named->length;
  const std::string_view type = row.column_type;
  // YEAR is unsigned in the log's eyes.
  column.is_unsigned = type.find(" unsigned") != type.npos || column.type == Type::kYear;
  if (flavor == Flavor::kMariaDb) {
    column.native = NativeNamed(row.data_type);
    if (type.find("mariadb-5.3") != type.npos) column.type = OldFormat(column.type);
  }
  if (!row.collation.empty()) {
    column.charset = Charset::Named(row.collation);
    if (!column.charset) {
      return Unmapped(column, fmt::format("no mapping for collation {}", row.collation));
    }
  } else if (column.type >= Type::kBlob || column.type == Type::kVarchar ||
             column.type == Type::kVector) {
    column.charset = Charset::Binary();
  }
  ReadColumnType(row, &column);
  if (column.type != named->type && type.find('(') != type.npos) {
    return Unmapped(column,
                    "fractional seconds in the format from before MariaDB 10.1, which "
                    "the log does not describe; ALTER TABLE ... FORCE rewrites them");
  }
  const bool sized = column.type == Type::kString || column.type == Type::kVarchar;
  if (sized && row.octet_length >= 0) {
    column.length = static_cast<uint32_t>(row.octet_length);
  }
  const bool compressed = type.find("COMPRESSED*/") != type.npos;
  if (compressed && column.type == Type::kVarchar) {
    column.type = Type::kCompressedVarchar;
  } else if (compressed) {
    column.type = Type::kCompressedBlob;
  }
  column.source_type = SourceType(column);
  return column;
}

bool MayBeNative(const ColumnDef& column, Flavor flavor) {
  return flavor == Flavor::kMariaDb && column.type == Type::kString &&
         column.is_binary() && (column.length == 4 || column.length == 16);
}

void AdoptNativeTypes(const TableDef& described, TableDef* logged) {
  for (ColumnDef& column : logged->columns) {
    if (!MayBeNative(column, Flavor::kMariaDb)) continue;
    for (const ColumnDef& known : described.columns) {
      if (known.name != column.name || known.type != column.type ||
          known.length != column.length) {
        continue;
      }
      column.native = known.native;
      column.source_type = SourceType(column);
    }
  }
}

}  // namespace leat::mysql
