#include "connectors/mysql/log/table_map.h"

#include <fmt/format.h>

#include <optional>

#include "base/bytes.h"
#include "connectors/mysql/log/event.h"
#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

// A table cannot have more (MySQL's MAX_FIELDS).
constexpr uint64_t kMostColumns = 4096;

// Table_map_event::Optional_metadata_field_type
enum class Extra : uint8_t {
  kSignedness = 1,
  kDefaultCharset = 2,
  kColumnCharset = 3,
  kColumnName = 4,
  kSetLabels = 5,
  kEnumLabels = 6,
  kGeometryType = 7,
  kPrimaryKey = 8,
  kPrimaryKeyWithPrefix = 9,
  kEnumAndSetDefaultCharset = 10,
  kEnumAndSetColumnCharset = 11,
};

Status MalformedMap(std::string_view what) {
  return Status::Transient(fmt::format("binlog: malformed table map: {}", what));
}

bool IsNumber(Type type) {
  switch (type) {
    case Type::kTiny:
    case Type::kShort:
    case Type::kInt24:
    case Type::kLong:
    case Type::kLongLong:
    case Type::kFloat:
    case Type::kDouble:
    case Type::kDecimal:
    case Type::kYear: return true;
    default: return false;
  }
}

bool IsLabelled(Type type) { return type == Type::kEnum || type == Type::kSet; }

// The columns that the lists of character sets count. MariaDB counts spatial ones too,
// MySQL counts VECTOR; both give those the binary set.
bool IsCharacter(Type type, Flavor flavor) {
  switch (type) {
    case Type::kString:
    case Type::kVarString:
    case Type::kVarchar:
    case Type::kBlob:
    case Type::kCompressedBlob:
    case Type::kCompressedVarchar: return true;
    case Type::kVector: return flavor == Flavor::kMySql;
    case Type::kGeometry: return flavor == Flavor::kMariaDb;
    default: return false;
  }
}

// A STRING's two bytes hold the real type (CHAR, ENUM or SET) and a length of up to 1023
// bytes, whose upper two bits hide, inverted, in the type's.
void ReadStringMeta(ByteReader* meta, ColumnDef* column) {
  const uint8_t first = meta->U8();
  const uint8_t second = meta->U8();
  if ((first & 0x30) != 0x30) {
    column->type = static_cast<Type>(first | 0x30);
    column->length = second | static_cast<uint32_t>((first & 0x30) ^ 0x30) << 4;
  } else {
    column->type = static_cast<Type>(first);
    column->length = second;
  }
}

// The column's own bytes of the metadata block.
Status ReadMeta(ByteReader* meta, ColumnDef* column) {
  switch (column->type) {
    case Type::kFloat:
    case Type::kDouble:
    case Type::kBlob:
    case Type::kCompressedBlob:
    case Type::kGeometry:
    case Type::kJson:
    case Type::kVector: column->length = meta->U8(); break;
    case Type::kTimestamp2:
    case Type::kDatetime2:
    case Type::kTime2: column->scale = meta->U8(); break;
    case Type::kVarchar:
    case Type::kVarString: column->length = meta->U16(); break;
    // Counts the byte in front of the compressed data.
    case Type::kCompressedVarchar: column->length = meta->U16() - 1u; break;
    case Type::kBit: {
      const uint8_t bits = meta->U8();
      column->length = meta->U8() * 8u + bits;
      break;
    }
    case Type::kDecimal:
      column->precision = meta->U8();
      column->scale = meta->U8();
      break;
    case Type::kString:
    case Type::kEnum:
    case Type::kSet: ReadStringMeta(meta, column); break;
    case Type::kTypedArray:
      return Status::Config("binlog: a table map has an array column, which nobody maps");
    default: break;
  }
  return Status::Ok();
}

Status CheckMeta(const ColumnDef& c) {
  bool ok = true;
  switch (c.type) {
    case Type::kBlob:
    case Type::kCompressedBlob:
    case Type::kGeometry:
    case Type::kJson:
    case Type::kVector: ok = c.length >= 1 && c.length <= 4; break;
    case Type::kTimestamp2:
    case Type::kDatetime2:
    case Type::kTime2: ok = c.scale <= 6; break;
    case Type::kBit: ok = c.length >= 1 && c.length <= 64; break;
    case Type::kDecimal:
      ok = c.precision >= 1 && c.precision <= 65 && c.scale <= c.precision;
      break;
    case Type::kEnum: ok = c.length == 1 || c.length == 2; break;
    case Type::kSet: ok = c.length >= 1 && c.length <= 8; break;
    default: break;
  }
  if (ok) return Status::Ok();
  return MalformedMap(
      fmt::format("impossible sizes of a column of type {}", static_cast<int>(c.type)));
}

// The optional part: a list of (type, length, value).
class ExtraReader {
 public:
  ExtraReader(std::vector<ColumnDef>* columns, std::vector<int>* key, Flavor flavor)
      : columns_(*columns), key_(*key), flavor_(flavor) {}

  bool named() const { return named_; }

  Status Read(ByteReader* in) {
    while (in->left() > 0) {
      const auto extra = static_cast<Extra>(in->U8());
      const uint64_t size = ReadLength(in);
      ByteReader value(in->Bytes(size));
      if (in->failed()) return MalformedMap("optional metadata is cut short");
      RETURN_IF_ERROR(ReadOne(extra, &value));
      if (value.failed()) {
        return MalformedMap(fmt::format("optional metadata of type {} is cut short",
                                        static_cast<int>(extra)));
      }
    }
    return Status::Ok();
  }

 private:
  Status ReadOne(Extra extra, ByteReader* in) {
    auto character = [this](const ColumnDef& c) { return IsCharacter(c.type, flavor_); };
    auto labelled = [](const ColumnDef& c) { return IsLabelled(c.type); };
    switch (extra) {
      case Extra::kSignedness: ReadSignedness(in); return Status::Ok();
      case Extra::kDefaultCharset: return ReadDefaultCharset(in, character);
      case Extra::kColumnCharset: return ReadColumnCharset(in, character);
      case Extra::kEnumAndSetDefaultCharset: return ReadDefaultCharset(in, labelled);
      case Extra::kEnumAndSetColumnCharset: return ReadColumnCharset(in, labelled);
      case Extra::kColumnName:
        for (ColumnDef& c : columns_) c.name = in->Bytes(ReadLength(in));
        named_ = true;
        return Status::Ok();
      case Extra::kSetLabels: ReadLabels(in, Type::kSet); return Status::Ok();
      case Extra::kEnumLabels: ReadLabels(in, Type::kEnum); return Status::Ok();
      case Extra::kGeometryType:
        for (ColumnDef& c : columns_) {
          if (c.type == Type::kGeometry)
            c.geometry = static_cast<uint8_t>(ReadLength(in));
        }
        return Status::Ok();
      case Extra::kPrimaryKey: return ReadKey(in, /*prefix=*/false);
      case Extra::kPrimaryKeyWithPrefix: return ReadKey(in, /*prefix=*/true);
    }
    return Status::Ok();  // visibility, dimensions, and whatever newer servers add
  }

  // One bit for each number, the highest of a byte first.
  void ReadSignedness(ByteReader* in) {
    int bit = 0;
    uint8_t byte = 0;
    for (ColumnDef& c : columns_) {
      if (!IsNumber(c.type)) continue;
      if (bit % 8 == 0) byte = in->U8();
      c.is_unsigned = byte & 0x80 >> bit % 8;
      bit++;
    }
  }

  Status SetCharset(uint64_t collation, ColumnDef* column) {
    column->charset = Charset::OfCollation(collation);
    if (column->charset) return Status::Ok();
    return Status::Config(
        fmt::format("column `{}`: no mapping for collation number {}; leave its table "
                    "out, or change the column's character set",
                    column->name, collation));
  }

  // A set for all, then (which of those columns, its set) for the others.
  template <typename Belongs>
  Status ReadDefaultCharset(ByteReader* in, Belongs belongs) {
    std::vector<ColumnDef*> those;
    for (ColumnDef& c : columns_) {
      if (belongs(c)) those.push_back(&c);
    }
    const uint64_t all = ReadLength(in);
    for (ColumnDef* c : those) RETURN_IF_ERROR(SetCharset(all, c));
    while (in->left() > 0) {
      const uint64_t which = ReadLength(in);
      const uint64_t collation = ReadLength(in);
      if (which >= those.size()) return MalformedMap("a character set of no column");
      RETURN_IF_ERROR(SetCharset(collation, those[which]));
    }
    return Status::Ok();
  }

  template <typename Belongs>
  Status ReadColumnCharset(ByteReader* in, Belongs belongs) {
    for (ColumnDef& c : columns_) {
      if (!belongs(c)) continue;
      const uint64_t collation = ReadLength(in);
      if (in->failed()) return MalformedMap("fewer character sets than columns");
      RETURN_IF_ERROR(SetCharset(collation, &c));
    }
    return Status::Ok();
  }

  // In the column's own set: made UTF-8 once all of the metadata is read.
  void ReadLabels(ByteReader* in, Type type) {
    for (ColumnDef& c : columns_) {
      if (c.type != type) continue;
      const uint64_t count = ReadLength(in);
      for (uint64_t i = 0; i < count && !in->failed(); i++) {
        c.labels.emplace_back(in->Bytes(ReadLength(in)));
      }
    }
  }

  Status ReadKey(ByteReader* in, bool prefix) {
    while (in->left() > 0) {
      const uint64_t column = ReadLength(in);
      if (prefix) ReadLength(in);
      if (column >= columns_.size()) return MalformedMap("a key of no column");
      key_.push_back(static_cast<int>(column));
    }
    return Status::Ok();
  }

  std::vector<ColumnDef>& columns_;
  std::vector<int>& key_;
  Flavor flavor_;
  bool named_ = false;
};

Status ConvertLabels(ColumnDef* column) {
  // Labels of CHARACTER SET binary have to be UTF-8 by themselves.
  const bool bytes = !column->charset || column->charset->binary();
  static const Charset* utf8 = Charset::Named("utf8mb4");
  const Charset& charset = bytes ? *utf8 : *column->charset;
  for (std::string& label : column->labels) {
    std::string converted;
    if (!charset.ToUtf8(label, &converted)) {
      return Status::Config(
          fmt::format("column `{}`: a label of it is not {}; change the label, or leave "
                      "its table out",
                      column->name, charset.name()));
    }
    label = std::move(converted);
  }
  return Status::Ok();
}

TableMapName ReadName(ByteReader* in) {
  TableMapName name;
  name.id = in->Little(6);
  in->Skip(2);  // flags
  name.database = in->Bytes(ReadLength(in));
  in->Skip(1);
  name.table = in->Bytes(ReadLength(in));
  in->Skip(1);
  return name;
}

Status ReadColumnDefs(ByteReader* in, std::vector<ColumnDef>* columns) {
  const uint64_t count = ReadLength(in);
  if (count == 0) return MalformedMap("no columns");
  if (count > kMostColumns) return MalformedMap("more columns than a table can have");
  const std::string_view types = in->Bytes(count);
  ByteReader meta(in->Bytes(ReadLength(in)));
  const std::string_view nullable = in->Bytes((count + 7) / 8);
  if (in->failed()) return MalformedMap("it is cut short");
  columns->resize(count);
  for (size_t i = 0; i < count; i++) {
    ColumnDef& column = (*columns)[i];
    column.type = static_cast<Type>(types[i]);
    column.nullable = nullable[i / 8] >> i % 8 & 1;
    RETURN_IF_ERROR(ReadMeta(&meta, &column));
    if (meta.failed()) return MalformedMap("the columns' metadata is cut short");
    RETURN_IF_ERROR(CheckMeta(column));
  }
  return Status::Ok();
}

bool Fits(const ColumnDef& logged, const ColumnDef& described) {
  const bool sized = logged.type == described.type && logged.length == described.length;
  return sized && logged.precision == described.precision &&
         logged.scale == described.scale && logged.nullable == described.nullable;
}

}  // namespace

Result<TableMapName> PeekTableMap(std::string_view body) {
  ByteReader in(body);
  const TableMapName name = ReadName(&in);
  if (in.failed()) return MalformedMap("its names are cut short");
  return name;
}

Result<TableMap> ParseTableMap(std::string_view body, Flavor flavor, bool need_full) {
  ByteReader in(body);
  const TableMapName name = ReadName(&in);
  if (in.failed()) return MalformedMap("its names are cut short");
  TableMap map;
  map.id = name.id;
  map.flags = static_cast<uint16_t>(static_cast<uint8_t>(body[6]) |
                                    static_cast<uint8_t>(body[7]) << 8);
  map.table.id.database = name.database;
  map.table.id.table = name.table;
  RETURN_IF_ERROR(ReadColumnDefs(&in, &map.table.columns));
  ExtraReader extra(&map.table.columns, &map.table.key, flavor);
  RETURN_IF_ERROR(extra.Read(&in));
  map.full = extra.named();
  if (need_full && !map.full) {
    return Status::Config(fmt::format(
        "table {}: the binlog has no column names, because it was written without full "
        "metadata. Run: SET GLOBAL binlog_row_metadata=FULL; then take the snapshot "
        "again, or read with `metadata: minimal`",
        map.table.id.ToString()));
  }
  for (ColumnDef& column : map.table.columns) {
    if (!column.charset && (column.type == Type::kGeometry)) {
      column.charset = Charset::Binary();
    }
    RETURN_IF_ERROR(ConvertLabels(&column));
    column.source_type = SourceType(column);
  }
  return map;
}

Status DescribeFrom(const TableDef& described, TableMap* map) {
  std::vector<ColumnDef>& columns = map->table.columns;
  auto misfit = [&](const std::string& why) {
    return Status::Config(fmt::format(
        "table {}: the binlog's rows have another shape than the table has now ({}). It "
        "was changed in between, and without full metadata its old shape is not known. "
        "Run: SET GLOBAL binlog_row_metadata=FULL; and take its snapshot again",
        map->table.id.ToString(), why));
  };
  if (columns.size() != described.columns.size()) {
    return misfit(
        fmt::format("{} columns, not {}", columns.size(), described.columns.size()));
  }
  for (size_t i = 0; i < columns.size(); i++) {
    const ColumnDef& known = described.columns[i];
    // information_schema is utf8mb3: other characters of a label are question marks in
    // it.
    for (const std::string& label : known.labels) {
      if (label.find('?') == label.npos) continue;
      return Status::Config(fmt::format(
          "table {}: column `{}` has a label that information_schema may have changed: "
          "'{}'. Run: SET GLOBAL binlog_row_metadata=FULL; and remove `metadata: "
          "minimal`, or leave the table out",
          map->table.id.ToString(), known.name, label));
    }
    if (!Fits(columns[i], known)) {
      return misfit(fmt::format("column `{}` was no {}", known.name, known.source_type));
    }
    columns[i] = known;
  }
  map->table.key = described.key;
  return Status::Ok();
}

}  // namespace leat::mysql
