// A column of a MySQL or MariaDB table as the server writes its values, and the Arrow
// type they become. The same ColumnDef comes out of a table map with FULL metadata and
// out of information_schema, so that snapshot and stream share one shape. Values; any
// thread.
//
// docs/types.md has the mapping of every type. Type codes, metadata and their layout:
// MySQL's field_types.h and "Table_map_event" of libs/mysql/binlog/event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/schema.h"

namespace leat::mysql {

enum class Flavor : uint8_t { kMySql, kMariaDb };

// MYSQL_TYPE_* as the binlog numbers them.
enum class Type : uint8_t {
  kOldDecimal = 0,
  kTiny = 1,
  kShort = 2,
  kLong = 3,
  kFloat = 4,
  kDouble = 5,
  kNull = 6,
  kTimestamp = 7,  // before fractional seconds
  kLongLong = 8,
  kInt24 = 9,
  kDate = 10,
  kTime = 11,      // before fractional seconds
  kDatetime = 12,  // before fractional seconds
  kYear = 13,
  kNewDate = 14,
  kVarchar = 15,
  kBit = 16,
  kTimestamp2 = 17,
  kDatetime2 = 18,
  kTime2 = 19,
  kTypedArray = 20,
  kCompressedBlob = 140,     // MariaDB's COMPRESSED attribute
  kCompressedVarchar = 141,  // the same
  kVector = 242,
  kJson = 245,
  kDecimal = 246,
  kEnum = 247,
  kSet = 248,
  kBlob = 252,
  kVarString = 253,
  kString = 254,
  kGeometry = 255,
};

// MariaDB types that the log writes as BINARY(n) and nothing in it tells from one: only
// information_schema knows (AdoptNativeTypes).
enum class Native : uint8_t { kNone, kInet4, kInet6, kUuid };

class Charset;

struct ColumnDef {
  std::string name;
  Type type = Type::kNull;  // the real one where the log writes it in metadata
  // Most bytes of a CHAR, VARCHAR, BINARY or VARBINARY; bytes of the length in front of a
  // BLOB, TEXT, JSON, GEOMETRY or VECTOR; bytes of an ENUM or SET; bits of a BIT.
  uint32_t length = 0;
  uint8_t precision = 0;  // DECIMAL
  uint8_t scale = 0;      // DECIMAL; digits of a second of temporal types
  bool is_unsigned = false;
  bool nullable = true;
  Native native = Native::kNone;
  uint8_t geometry = 0;  // of GEOMETRY: 0 any, 1 point, ... 7 collection (OGC's numbers)
  // Of CHAR, VARCHAR, TEXT, ENUM and SET; binary for bytes and GEOMETRY; else nullptr.
  const Charset* charset = nullptr;
  std::vector<std::string> labels;  // of ENUM and SET, UTF-8
  // As information_schema has it, less what the log cannot know (widths of integers).
  std::string source_type;

  bool operator==(const ColumnDef&) const = default;
  bool is_text() const;    // characters in `charset`
  bool is_binary() const;  // bytes, spatial included
};

struct TableDef {
  TableId id;
  std::vector<ColumnDef> columns;
  std::vector<int> key;  // the primary key, positions in `columns`; empty: none

  bool operator==(const TableDef&) const = default;
};

struct ValueOptions {
  // What becomes of 0000-00-00, 2024-00-15 and other dates that no calendar has. Null is
  // counted; a key column's never becomes null but always a dead letter.
  enum class ZeroDates : uint8_t { kNull, kDeadLetter };
  ZeroDates zero_dates = ZeroDates::kNull;
};

// kConfig: a type nobody can map, naming column and type.
Result<std::shared_ptr<arrow::DataType>> ArrowType(const ColumnDef& column);
// A DATE, DATETIME or TIMESTAMP column outside the key is nullable even when declared NOT
// NULL, for its zero dates.
Result<SchemaRef> MakeSchema(const TableDef& table);

// The same shape, declared with the same words: a longer VARCHAR is another one.
bool SameDeclaration(const TableSchema& a, const TableSchema& b);

// One row of information_schema.COLUMNS; empty strings and -1 stand for NULL.
struct InformationSchemaColumn {
  std::string name;           // COLUMN_NAME
  std::string data_type;      // DATA_TYPE
  std::string column_type;    // COLUMN_TYPE
  std::string collation;      // COLLATION_NAME
  bool nullable = true;       // IS_NULLABLE
  int64_t octet_length = -1;  // CHARACTER_OCTET_LENGTH
};
Result<ColumnDef> FromInformationSchema(const InformationSchemaColumn& row,
                                        Flavor flavor);

// True for a column of the log that may be an INET4, INET6 or UUID.
bool MayBeNative(const ColumnDef& column, Flavor flavor);
// Gives columns of `logged` the Native type that the column of the same name and size has
// in `described`, which came from information_schema.
void AdoptNativeTypes(const TableDef& described, TableDef* logged);

// "varchar(20)", "decimal(10,2) unsigned": what source_type says.
std::string SourceType(const ColumnDef& column);

}  // namespace leat::mysql
