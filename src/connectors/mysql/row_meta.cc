#include "connectors/mysql/row_meta.h"

#include <arrow/util/key_value_metadata.h>

#include "connectors/mysql/values/charset.h"

namespace leat::mysql {
namespace {

Status FromBuilding(const arrow::Status& status) {
  if (status.ok()) return Status::Ok();
  return Status::Transient("building a batch's meta: " + status.ToString());
}

std::shared_ptr<arrow::KeyValueMetadata> Facts(const TableDef& table, Flavor flavor) {
  auto facts = std::make_shared<arrow::KeyValueMetadata>();
  facts->Append("connector", flavor == Flavor::kMariaDb ? "mariadb" : "mysql");
  for (const ColumnDef& column : table.columns) {
    if (!column.nullable) facts->Append("not_null:" + column.name, "");
  }
  return facts;
}

std::string_view Marker(const SnapshotPlace& place, bool first, bool last) {
  if (last && place.last_table) return "last";
  if (first && place.first_table) return "first";
  if (last) return "last_in_data_collection";
  return first ? "first_in_data_collection" : "true";
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> BuildSnapshot(
    const std::shared_ptr<arrow::Schema>& schema, std::string_view file, uint64_t offset,
    const SnapshotPlace& place, int64_t rows) {
  arrow::StringBuilder markers;
  arrow::StringBuilder files;
  arrow::Int64Builder offsets;
  for (int64_t i = 0; i < rows; i++) {
    const bool first = place.begins && i == 0;
    const bool last = place.ends && i + 1 == rows;
    ARROW_RETURN_NOT_OK(markers.Append(Marker(place, first, last)));
    ARROW_RETURN_NOT_OK(files.Append(file));
    ARROW_RETURN_NOT_OK(offsets.Append(static_cast<int64_t>(offset)));
  }
  arrow::ArrayVector columns(3);
  ARROW_RETURN_NOT_OK(markers.Finish(&columns[0]));
  ARROW_RETURN_NOT_OK(files.Finish(&columns[1]));
  ARROW_RETURN_NOT_OK(offsets.Finish(&columns[2]));
  return arrow::RecordBatch::Make(schema, rows, std::move(columns));
}

}  // namespace

RowMeta::RowMeta(const TableDef& table, Flavor flavor)
    : schema_(arrow::schema(
          {arrow::field("_gtid", arrow::utf8()), arrow::field("_file", arrow::utf8()),
           arrow::field("_pos", arrow::int64()), arrow::field("_row", arrow::int32()),
           arrow::field("_server_id", arrow::int64()),
           arrow::field("_thread", arrow::int64())},
          Facts(table, flavor))) {}

Status RowMeta::Append(const RowContext& context, int64_t row_in_event) {
  const auto append = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(context.gtid.empty() ? gtid_.AppendNull()
                                             : gtid_.Append(context.gtid));
    ARROW_RETURN_NOT_OK(file_.Append(context.file));
    ARROW_RETURN_NOT_OK(offset_.Append(static_cast<int64_t>(context.offset)));
    ARROW_RETURN_NOT_OK(row_.Append(static_cast<int32_t>(row_in_event)));
    ARROW_RETURN_NOT_OK(server_.Append(context.server));
    return context.thread ? thread_.Append(context.thread) : thread_.AppendNull();
  };
  return FromBuilding(append());
}

Result<std::shared_ptr<arrow::RecordBatch>> RowMeta::Finish() {
  arrow::ArrayVector columns;
  const int64_t rows = gtid_.length();
  for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{
           &gtid_, &file_, &offset_, &row_, &server_, &thread_}) {
    auto column = builder->Finish();
    RETURN_IF_ERROR(FromBuilding(column.status()));
    columns.push_back(*std::move(column));
  }
  return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
}

Result<std::shared_ptr<arrow::RecordBatch>> DefinitionMeta(const TableDef& table,
                                                           Flavor flavor,
                                                           const RowContext& context) {
  RowMeta meta(table, flavor);
  RETURN_IF_ERROR(meta.Append(context, /*row_in_event=*/0));
  ASSIGN_OR_RETURN(const auto row, meta.Finish());
  const auto facts = row->schema()->metadata()->Copy();
  for (const ColumnDef& column : table.columns) {
    if (column.is_text()) facts->Append("charset:" + column.name, column.charset->name());
  }
  return row->ReplaceSchemaMetadata(facts);
}

Result<std::shared_ptr<arrow::RecordBatch>> SnapshotMeta(
    const TableDef& table, Flavor flavor, std::string_view file, uint64_t offset,
    const SnapshotPlace& place, int64_t rows) {
  const auto schema = arrow::schema(
      {arrow::field("_snapshot", arrow::utf8()), arrow::field("_file", arrow::utf8()),
       arrow::field("_pos", arrow::int64())},
      Facts(table, flavor));
  auto built = BuildSnapshot(schema, file, offset, place, rows);
  RETURN_IF_ERROR(FromBuilding(built.status()));
  return *std::move(built);
}

}  // namespace leat::mysql
