#include "connectors/iceberg/data/statistics.h"

#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <algorithm>

namespace leat::iceberg {
namespace {

constexpr size_t kBoundLength = 16;  // characters of text, bytes of binary
constexpr uint32_t kLastCodePoint = 0x10FFFF;

// Where the n-th character of valid UTF-8 begins, or the text's end.
size_t CharacterOffset(std::string_view text, size_t n) {
  size_t at = 0;
  while (at < text.size() && n > 0) {
    at++;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) at++;
    n--;
  }
  return at;
}

uint32_t DecodeCharacter(std::string_view c) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(c[i]); };
  switch (c.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    case 3: return (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    default:
      return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 |
             (byte(3) & 0x3Fu);
  }
}

void AppendCharacter(std::string* out, uint32_t c) {
  const auto put = [&](uint32_t b) { out->push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

// The shortest text above every text that begins with `prefix`.
std::optional<Binary> RaiseText(std::string prefix) {
  while (!prefix.empty()) {
    size_t last = prefix.size() - 1;
    while (last > 0 && (prefix[last] & 0xC0) == 0x80) last--;
    uint32_t c = DecodeCharacter(std::string_view(prefix).substr(last));
    prefix.resize(last);
    if (c >= kLastCodePoint) continue;
    c = c + 1 == 0xD800 ? 0xE000 : c + 1;  // surrogates are no characters
    AppendCharacter(&prefix, c);
    return prefix;
  }
  return std::nullopt;
}

std::optional<Binary> RaiseBytes(std::string prefix) {
  while (!prefix.empty()) {
    auto last = static_cast<uint8_t>(prefix.back());
    if (last != 0xFF) {
      prefix.back() = static_cast<char>(last + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return std::nullopt;
}

// Big-endian two's complement without bytes that only repeat the sign.
Binary Minimal(std::string bytes) {
  size_t skip = 0;
  while (skip + 1 < bytes.size()) {
    const auto here = static_cast<uint8_t>(bytes[skip]);
    const bool next_negative = (bytes[skip + 1] & 0x80) != 0;
    if (!(here == 0 && !next_negative) && !(here == 0xFF && next_negative)) break;
    skip++;
  }
  return bytes.substr(skip);
}

// A footer's plain encoding of a value as Iceberg's binary form.
Binary FromPlain(const Type& type, std::string plain) {
  if (type.id != TypeId::kDecimal) {
    // An int that was promoted to long is still written as the file's own type had it.
    if (type.id == TypeId::kLong && plain.size() == 4) {
      plain.append(4, (plain[3] & 0x80) ? '\xFF' : '\0');
    }
    return plain;
  }
  return Minimal(std::move(plain));
}

struct Bounds {
  std::optional<Binary> lower;
  std::optional<Binary> upper;
  bool known = true;  // in every row group so far
};

void Widen(const Type& type, const parquet::ColumnChunkMetaData& chunk,
           const parquet::SchemaDescriptor& columns, int column, Bounds* bounds) {
  const auto statistics = chunk.is_stats_set() ? chunk.statistics() : nullptr;
  if (!statistics || !statistics->HasMinMax()) {
    // No values at all is no reason to lose the bounds of the other row groups.
    const bool empty = statistics && statistics->HasNullCount() &&
                       statistics->null_count() == chunk.num_values();
    if (!empty) bounds->known = false;
    return;
  }
  std::string low = statistics->EncodeMin();
  std::string high = statistics->EncodeMax();
  const auto physical = columns.Column(column)->physical_type();
  if (type.id == TypeId::kDecimal &&
      (physical == parquet::Type::INT32 || physical == parquet::Type::INT64)) {
    std::reverse(low.begin(), low.end());  // little-endian to big-endian
    std::reverse(high.begin(), high.end());
  }
  low = FromPlain(type, std::move(low));
  high = FromPlain(type, std::move(high));
  if (!bounds->lower || CompareBinary(type, low, *bounds->lower) < 0) {
    bounds->lower = std::move(low);
  }
  if (!bounds->upper || CompareBinary(type, high, *bounds->upper) > 0) {
    bounds->upper = std::move(high);
  }
}

}  // namespace

Binary CutLowerBound(const Type& type, Binary value) {
  if (type.id == TypeId::kString) value.resize(CharacterOffset(value, kBoundLength));
  if (type.id == TypeId::kBinary && value.size() > kBoundLength) {
    value.resize(kBoundLength);
  }
  return value;
}

std::optional<Binary> CutUpperBound(const Type& type, Binary value) {
  const bool text = type.id == TypeId::kString;
  if (!text && type.id != TypeId::kBinary) return value;
  const size_t cut =
      text ? CharacterOffset(value, kBoundLength) : std::min(value.size(), kBoundLength);
  if (cut == value.size()) return value;
  value.resize(cut);
  return text ? RaiseText(std::move(value)) : RaiseBytes(std::move(value));
}

void FillStatistics(const parquet::FileMetaData& footer, const Schema& schema,
                    const std::map<int, int64_t>& nan_counts, bool whole_bounds,
                    DataFile* file) {
  file->record_count = footer.num_rows();
  const parquet::SchemaDescriptor& columns = *footer.schema();
  std::map<int, Bounds> bounds;
  for (int g = 0; g < footer.num_row_groups(); g++) {
    const auto group = footer.RowGroup(g);
    int64_t begin = INT64_MAX;
    for (int c = 0; c < columns.num_columns(); c++) {
      const auto chunk = group->ColumnChunk(c);
      const int64_t page = chunk->has_dictionary_page() ? chunk->dictionary_page_offset()
                                                        : chunk->data_page_offset();
      begin = std::min(begin, page);
      const int id = columns.Column(c)->schema_node()->field_id();
      const NestedField* field = schema.FindId(id);
      if (!field) continue;
      file->column_sizes[id] += chunk->total_compressed_size();
      file->value_counts[id] += chunk->num_values();
      const auto statistics = chunk->is_stats_set() ? chunk->statistics() : nullptr;
      if (statistics && statistics->HasNullCount()) {
        file->null_value_counts[id] += statistics->null_count();
      }
      Widen(field->type, *chunk, columns, c, &bounds[id]);
    }
    if (columns.num_columns() > 0) file->split_offsets.push_back(begin);
  }
  file->nan_value_counts = nan_counts;
  for (auto& [id, b] : bounds) {
    if (!b.known || !b.lower || !b.upper) continue;
    const Type& type = schema.FindId(id)->type;
    if (whole_bounds) {
      file->lower_bounds[id] = std::move(*b.lower);
      file->upper_bounds[id] = std::move(*b.upper);
      continue;
    }
    file->lower_bounds[id] = CutLowerBound(type, std::move(*b.lower));
    if (auto upper = CutUpperBound(type, std::move(*b.upper))) {
      file->upper_bounds[id] = std::move(*upper);
    }
  }
}

}  // namespace leat::iceberg
