#include "format/raw.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "format/key_columns.h"
#include "format/record_rows.h"
#include "format/topic_name.h"

namespace leat {
namespace {

SchemaRef RawSchema(const std::string& topic) {
  return TableSchema::Make(
      {"", "", topic},
      {{"key", arrow::binary(), true, ""}, {"value", arrow::binary(), true, ""}}, {});
}

bool IsBytes(const Column& column) {
  return column.type->id() == arrow::Type::STRING ||
         column.type->id() == arrow::Type::BINARY;
}

std::optional<std::string_view> CellBytes(const arrow::RecordBatch& rows, int column,
                                          int64_t row) {
  if (column < 0) return std::nullopt;
  // utf8 and binary have one layout.
  const auto& array = static_cast<const arrow::BinaryArray&>(*rows.column(column));
  if (array.IsNull(row)) return std::nullopt;
  return array.GetView(row);
}

}  // namespace

RawDecoder::RawDecoder(DecoderOptions options) : options_(std::move(options)) {
  for (const std::string& topic : options_.topics) tables_[topic] = RawSchema(topic);
}

std::vector<SchemaRef> RawDecoder::Tables() const {
  std::vector<SchemaRef> out;
  for (const auto& [topic, schema] : tables_) out.push_back(schema);
  return out;
}

Status RawDecoder::Decode(const Records& records, Batch* out) {
  SchemaRef& schema = tables_[records.topic];
  if (!schema) {
    schema = RawSchema(records.topic);
    Announce(schema, NextSeq(*out), out);
  }
  std::vector<int64_t> taken(static_cast<size_t>(records.size()));
  for (size_t i = 0; i < taken.size(); i++) taken[i] = static_cast<int64_t>(i);
  Chunk chunk;
  chunk.schema = schema;
  chunk.rows = arrow::RecordBatch::Make(schema->arrow, records.size(),
                                        {records.keys, records.values});
  chunk.ops.assign(taken.size(), Op::kInsert);
  return AddRecordRows(records, taken, options_.meta, std::move(chunk), out);
}

std::string RawEncoder::TopicFor(const TableId& table) const {
  return TopicName(options_.topic, table);
}

Result<RawEncoder::Columns> RawEncoder::ColumnsOf(const TableSchema& schema) const {
  Columns columns;
  ASSIGN_OR_RETURN(const std::vector<int> key, KeyColumns(schema, options_.format.key));
  columns.key = key.size() == 1 ? key[0] : schema.Find("key");
  columns.value = schema.Find("value");
  if (columns.value < 0 && schema.columns.size() == (columns.key < 0 ? 1U : 2U)) {
    columns.value = columns.key == 0 ? 1 : 0;
  }
  const auto fits = [&](int column) {
    return IsBytes(schema.columns[static_cast<size_t>(column)]);
  };
  if (columns.value < 0 || !fits(columns.value) ||
      (columns.key >= 0 && !fits(columns.key)) || key.size() > 1) {
    return Status::Config(fmt::format(
        "`format: raw` cannot write table {}: it needs a column `value` and may have a "
        "column `key`, each of text or bytes; use `format: json` for other tables",
        schema.id.ToString()));
  }
  return columns;
}

Status RawEncoder::Encode(const Batch& batch, const TakeRecords& take,
                          std::vector<DeadLetter>* rejects) {
  std::map<std::string, TopicParts> topics;
  for (const Chunk& chunk : batch.chunks) {
    topics[TopicFor(chunk.schema->id)].chunks.push_back(&chunk);
  }
  const int64_t now = options_.clock->WallMicros() / 1000;
  for (const auto& [topic, parts] : topics) {
    RecordsBuilder& to = writer_.To(topic);
    for (const OrderedRows& run : InOrder(parts.chunks, {})) {
      const Chunk& chunk = *run.chunk;
      ASSIGN_OR_RETURN(const Columns columns, ColumnsOf(*chunk.schema));
      for (int64_t row = run.begin; row < run.end; row++) {
        auto value = CellBytes(*chunk.rows, columns.value, row);
        if (chunk.ops[static_cast<size_t>(row)] == Op::kDelete) value.reset();
        to.Add(CellBytes(*chunk.rows, columns.key, row), value,
               MillisOf(chunk, row, now));
        RETURN_IF_ERROR(writer_.Cut(&to, take));
      }
    }
  }
  return writer_.Flush(take);
}

Result<std::shared_ptr<arrow::BinaryArray>> RawEncoder::Keys(const Chunk& chunk,
                                                             bool before) {
  ASSIGN_OR_RETURN(const Columns columns, ColumnsOf(*chunk.schema));
  const arrow::RecordBatch* rows = before ? chunk.before.get() : chunk.rows.get();
  ByteColumn keys;
  for (int64_t row = 0; rows && row < rows->num_rows(); row++) {
    const auto key = CellBytes(*rows, columns.key, row);
    if (key) keys.Append(*key);
    key ? keys.End() : keys.EndNull();
  }
  return keys.Finish();
}

}  // namespace leat
