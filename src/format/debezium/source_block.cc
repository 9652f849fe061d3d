#include "format/debezium/source_block.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "format/json/text.h"

namespace leat::debezium {
namespace {

constexpr size_t kNumbersMost = 512;  // numbers, names and marks of one block

template <typename Array>
const Array* SourceColumn(const Chunk& chunk, const char* name) {
  if (!chunk.meta) return nullptr;
  return static_cast<const Array*>(chunk.meta->GetColumnByName(name).get());
}

template <typename Array>
bool HasValue(const Array* column, int64_t row) {
  return column && column->IsValid(row);
}

template <typename Array>
char* WriteNumber(const Array* column, int64_t row, std::string_view fallback,
                  char* out) {
  if (!HasValue(column, row)) return json::WriteText(fallback, out);
  return json::WriteInt(column->Value(row), out);
}

}  // namespace

std::string ConnectorOf(const Chunk& chunk) {
  if (!chunk.meta || !chunk.meta->schema()->metadata()) return "mysql";
  return chunk.meta->schema()->metadata()->Get("connector").ValueOr("mysql");
}

bool SourceOptional(const Chunk& chunk, const leat::Column& column) {
  if (!column.nullable || !chunk.meta || !chunk.meta->schema()->metadata()) {
    return column.nullable;
  }
  return !chunk.meta->schema()->metadata()->Contains("not_null:" + column.name);
}

SourceBlock::SourceBlock(const TableId& table, const std::string& prefix,
                         const std::string& connector) {
  start_ = fmt::format(R"({{"version":"3.5.0.Final","connector":"{}","name":{},"ts_ms":)",
                       connector, json::Quoted(prefix));
  db_ =
      fmt::format(R"(","db":{},"sequence":null,"ts_us":)", json::Quoted(table.database));
  table_ = fmt::format(R"(,"table":{},"server_id":)",
                       table.table.empty() ? "null" : json::Quoted(table.table));
}

void SourceBlock::Bind(const Chunk& chunk) {
  gtid_ = SourceColumn<arrow::StringArray>(chunk, "_gtid");
  file_ = SourceColumn<arrow::StringArray>(chunk, "_file");
  snapshot_ = SourceColumn<arrow::StringArray>(chunk, "_snapshot");
  pos_ = SourceColumn<arrow::Int64Array>(chunk, "_pos");
  row_ = SourceColumn<arrow::Int32Array>(chunk, "_row");
  thread_ = SourceColumn<arrow::Int64Array>(chunk, "_thread");
  server_ = SourceColumn<arrow::Int64Array>(chunk, "_server_id");
}

std::string_view SourceBlock::Text(const arrow::StringArray* column, int64_t row) const {
  return HasValue(column, row) ? column->GetView(row) : std::string_view();
}

size_t SourceBlock::Most(int64_t row) const {
  return start_.size() + db_.size() + table_.size() + kNumbersMost +
         json::StringMost(Text(gtid_, row).size()) +
         json::StringMost(Text(file_, row).size()) + Text(snapshot_, row).size();
}

char* SourceBlock::Write(int64_t row, bool snapshot, int64_t micros, char* out) const {
  using json::WriteText;
  out = WriteText(start_, out);
  // Debezium gives a snapshot's rows the second in which it began.
  if (snapshot) micros -= micros % 1'000'000;
  out = json::WriteInt(micros / 1000, out);
  out = WriteText(",\"snapshot\":\"", out);
  std::string_view marker = Text(snapshot_, row);
  if (marker.empty()) marker = snapshot ? "true" : "false";
  out = WriteText(marker, out);
  out = WriteText(db_, out);
  out = json::WriteInt(micros, out);
  out = WriteText(",\"ts_ns\":", out);
  // As Java's long does beyond the year 2262.
  out = json::WriteInt(static_cast<int64_t>(static_cast<uint64_t>(micros) * 1000), out);
  out = WriteText(table_, out);
  out = WriteNumber(server_, row, "0", out);
  out = WriteText(",\"gtid\":", out);
  out = HasValue(gtid_, row) ? json::WriteString(gtid_->GetView(row), out)
                             : WriteText("null", out);
  out = WriteText(",\"file\":", out);
  out = json::WriteString(Text(file_, row), out);
  out = WriteText(",\"pos\":", out);
  out = WriteNumber(pos_, row, "0", out);
  out = WriteText(",\"row\":", out);
  out = WriteNumber(row_, row, "0", out);
  out = WriteText(",\"thread\":", out);
  out = WriteNumber(thread_, row, "null", out);
  return WriteText(",\"query\":null}", out);
}

std::string SourceBlock::Transaction(int64_t row) const {
  if (HasValue(gtid_, row)) return gtid_->GetString(row);
  return {};
}

}  // namespace leat::debezium
