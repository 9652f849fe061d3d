#include "steps/sql/query.h"

#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/compute/cast.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/json.h"

namespace leat::sql {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kRow = "__leat_row";

// A query that DuckDB parsed: one SELECT, as its JSON tree.
Result<Json> Parse(const Connection& connection, const std::string& sql) {
  ASSIGN_OR_RETURN(std::string text,
                   Ask(connection, "SELECT json_serialize_sql($1::VARCHAR)", sql));
  Json tree = TryParseJson<Json>(text);
  if (tree.is_discarded()) return Status::Bug("DuckDB's tree of a query is no JSON");
  if (tree.value("error", true)) {
    return Status::Config(tree.value("error_message", "this is no SELECT"));
  }
  if (tree["statements"].size() != 1) {
    return Status::Config("the step takes one SELECT, not several statements");
  }
  return tree;
}

// The query with the number of the input's row in front of what it selects, if it is a
// plain SELECT. Whether the rows have one is DuckDB's to say, when it is prepared.
std::optional<Json> WithRow(Json tree) {
  Json& node = tree["statements"][0]["node"];
  if (node.value("type", "") != "SELECT_NODE") return std::nullopt;
  for (const Json& modifier : node["modifiers"]) {
    if (modifier.value("type", "") == "DISTINCT_MODIFIER") return std::nullopt;
  }
  Json& list = node["select_list"];
  list.insert(list.begin(), Json{{"class", "COLUMN_REF"},
                                 {"type", "COLUMN_REF"},
                                 {"alias", ""},
                                 {"column_names", Json::array({kRow})}});
  return tree;
}

// Nothing in the tree takes rows away or makes one into several.
bool KeepsEveryRowOf(const Json& tree) {
  const Json& node = tree["statements"][0]["node"];
  const bool from_input = node["from_table"].value("type", "") == "BASE_TABLE" &&
                          node["from_table"].value("table_name", "") == "input";
  return from_input && node["where_clause"].is_null() && node["qualify"].is_null() &&
         node["sample"].is_null() && node["modifiers"].empty() &&
         DumpJson(node).find("\"unnest\"") == std::string::npos;
}

// The type a column of the result goes on with (docs/types.md); null: there is none.
std::shared_ptr<arrow::DataType> OwnType(const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL128:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::DATE32: return type;
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16: return arrow::int32();
    case arrow::Type::UINT32:
    case arrow::Type::TIME64: return arrow::int64();
    case arrow::Type::UINT64: return arrow::decimal128(20, 0);
    case arrow::Type::TIMESTAMP: {
      const auto& zone = static_cast<const arrow::TimestampType&>(*type).timezone();
      return arrow::timestamp(arrow::TimeUnit::MICRO, zone.empty() ? "" : "UTC");
    }
    case arrow::Type::NA:
    case arrow::Type::DICTIONARY:  // an ENUM's labels
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW: return arrow::utf8();
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW: return arrow::binary();
    default: return nullptr;
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> Converted(
    const arrow::RecordBatch& rows, const std::vector<int>& from,
    const std::shared_ptr<arrow::Schema>& to) {
  arrow::compute::CastOptions options = arrow::compute::CastOptions::Safe();
  options.allow_time_truncate = true;  // of nanoseconds
  arrow::ArrayVector columns;
  for (size_t i = 0; i < from.size(); i++) {
    auto column = rows.column(from[i]);
    options.to_type = to->field(static_cast<int>(i))->type();
    if (!column->type()->Equals(*options.to_type.type)) {
      auto cast = arrow::compute::Cast(*column, options.to_type, options);
      if (!cast.ok()) return Status::Data(cast.status().ToString());
      column = *std::move(cast);
    }
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(to, rows.num_rows(), std::move(columns));
}

}  // namespace

// What DuckDB reads as `input`: the batch of the moment.
struct Query::Input {
  ConvertedSchema converted;
  std::vector<std::pair<std::string, LogicalType>> columns;
  duckdb_connection connection = nullptr;
  const arrow::RecordBatch* batch = nullptr;

  static void Bind(duckdb_bind_info info) {
    auto* input = static_cast<Input*>(duckdb_bind_get_extra_info(info));
    for (const auto& [name, type] : input->columns) {
      duckdb_bind_add_result_column(info, name.c_str(), type.get());
    }
  }

  // The scan of one execution; the chunk that DuckDB reads lives until the next.
  struct Scan {
    int64_t row = 0;
    DataChunk chunk;
  };
  static void Begin(duckdb_init_info info) {
    duckdb_init_set_max_threads(info, 1);
    duckdb_init_set_init_data(info, new Scan,
                              [](void* scan) { delete static_cast<Scan*>(scan); });
  }

  static void Read(duckdb_function_info info, duckdb_data_chunk out) {
    auto* input = static_cast<Input*>(duckdb_function_get_extra_info(info));
    auto* scan = static_cast<Scan*>(duckdb_function_get_init_data(info));
    Status read = input->ReadInto(*scan, out);
    if (!read.ok()) duckdb_function_set_error(info, read.message().c_str());
  }

  Status ReadInto(Scan& scan, duckdb_data_chunk out) {
    const auto size = std::min<int64_t>(static_cast<int64_t>(duckdb_vector_size()),
                                        batch->num_rows() - scan.row);
    duckdb_data_chunk_set_size(out, static_cast<idx_t>(std::max<int64_t>(size, 0)));
    if (size <= 0) return Status::Ok();
    ArrowArray array;
    auto exported = arrow::ExportRecordBatch(*batch->Slice(scan.row, size), &array);
    if (!exported.ok()) return Status::Bug(exported.ToString());
    scan.chunk = DataChunk();
    Status taken = ToStatus(duckdb_data_chunk_from_arrow(
                                connection, &array, converted.get(), scan.chunk.out()),
                            ErrorKind::kData);
    if (array.release) array.release(&array);
    RETURN_IF_ERROR(taken);
    const idx_t columns_in = duckdb_data_chunk_get_column_count(scan.chunk.get());
    for (idx_t i = 0; i < columns_in; i++) {
      duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(out, i),
                                     duckdb_data_chunk_get_vector(scan.chunk.get(), i));
    }
    auto* numbers = static_cast<int64_t*>(
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(out, columns_in)));
    for (int64_t i = 0; i < size; i++) numbers[i] = scan.row + i;
    scan.row += size;
    return Status::Ok();
  }
};

Query::~Query() = default;

Result<std::unique_ptr<Query>> Query::Make(Engine& engine, const std::string& sql,
                                           const std::shared_ptr<arrow::Schema>& input) {
  std::unique_ptr<Query> query(new Query);
  ASSIGN_OR_RETURN(query->connection_, engine.Connect());
  RETURN_IF_ERROR(query->MakeInput(engine, input));
  RETURN_IF_ERROR(query->PrepareSelect(sql));
  RETURN_IF_ERROR(query->Describe());
  return query;
}

Status Query::MakeInput(Engine& engine, const std::shared_ptr<arrow::Schema>& schema) {
  input_ = std::make_unique<Input>();
  input_->connection = connection_.get();
  ArrowSchema exported;
  if (auto status = arrow::ExportSchema(*schema, &exported); !status.ok()) {
    return Status::Bug(status.ToString());
  }
  Status taken = ToStatus(
      duckdb_schema_from_arrow(connection_.get(), &exported, input_->converted.out()),
      ErrorKind::kConfig);
  if (exported.release) exported.release(&exported);
  RETURN_IF_ERROR(taken);
  // The converted schema does not tell its types; a chunk made with it does.
  auto empty = arrow::RecordBatch::MakeEmpty(schema);
  if (!empty.ok()) return Status::Bug(empty.status().ToString());
  ArrowArray array;
  if (auto status = arrow::ExportRecordBatch(**empty, &array); !status.ok()) {
    return Status::Bug(status.ToString());
  }
  DataChunk chunk;
  taken = ToStatus(duckdb_data_chunk_from_arrow(connection_.get(), &array,
                                                input_->converted.get(), chunk.out()),
                   ErrorKind::kConfig);
  if (array.release) array.release(&array);
  RETURN_IF_ERROR(taken);
  for (int i = 0; i < schema->num_fields(); i++) {
    duckdb_vector vector =
        duckdb_data_chunk_get_vector(chunk.get(), static_cast<idx_t>(i));
    input_->columns.emplace_back(schema->field(i)->name(),
                                 LogicalType(duckdb_vector_get_column_type(vector)));
  }
  input_->columns.emplace_back(
      kRow, LogicalType(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT)));

  const std::string name = fmt::format("leat_input_{}", engine.NextNumber());
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, name.c_str());
  duckdb_table_function_set_extra_info(function, input_.get(), nullptr);
  duckdb_table_function_set_bind(function, Input::Bind);
  duckdb_table_function_set_init(function, Input::Begin);
  duckdb_table_function_set_function(function, Input::Read);
  const duckdb_state registered =
      duckdb_register_table_function(connection_.get(), function);
  duckdb_destroy_table_function(&function);
  if (registered == DuckDBError) {
    return Status::Bug("DuckDB takes no table function " + name);
  }
  return sql::Run(connection_, fmt::format("CREATE TEMP VIEW input AS FROM {}()", name));
}

Status Query::PrepareSelect(const std::string& sql) {
  ASSIGN_OR_RETURN(Json tree, Parse(connection_, sql));
  if (auto with_row = WithRow(tree)) {
    ASSIGN_OR_RETURN(
        std::string text,
        Ask(connection_, "SELECT json_deserialize_sql($1::JSON)", DumpJson(*with_row)));
    auto statement = Prepare(connection_, text);
    if (statement.ok()) {
      statement_ = *std::move(statement);
      by_row_ = true;
      return Status::Ok();
    }
  }
  ASSIGN_OR_RETURN(statement_, Prepare(connection_, sql));
  return Status::Ok();
}

Status Query::Describe() {
  duckdb_connection_get_arrow_options(connection_.get(), options_.out());
  const idx_t count = duckdb_prepared_statement_column_count(statement_.get());
  std::vector<LogicalType> types;
  std::vector<duckdb_logical_type> raw_types;
  std::vector<const char*> names;
  for (idx_t i = 0; i < count; i++) {
    types.emplace_back(
        duckdb_prepared_statement_column_logical_type(statement_.get(), i));
    raw_types.push_back(types.back().get());
    names.push_back(duckdb_prepared_statement_column_name(statement_.get(), i));
  }
  ArrowSchema exported;
  Status made = ToStatus(duckdb_to_arrow_schema(options_.get(), raw_types.data(),
                                                names.data(), count, &exported),
                         ErrorKind::kConfig);
  for (const char* name : names) duckdb_free(const_cast<char*>(name));
  RETURN_IF_ERROR(made);
  auto schema = arrow::ImportSchema(&exported);
  if (!schema.ok()) return Status::Bug(schema.status().ToString());
  answer_ = *schema;
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (int i = 0; i < answer_->num_fields(); i++) {
    if (answer_->field(i)->name().starts_with(kRow)) continue;  // `*` has it as well
    if (answer_->GetAllFieldIndices(answer_->field(i)->name()).size() > 1) {
      return Status::Config(
          fmt::format("two columns of the result are named \"{}\": give "
                      "one of them another name with AS",
                      answer_->field(i)->name()));
    }
    columns_.push_back(i);
    auto type = OwnType(answer_->field(i)->type());
    if (!type) {
      return Status::Config(fmt::format(
          "column \"{}\" of the result is a {}, which no table has: CAST it to another "
          "type, or write it as JSON with to_json(...)::VARCHAR",
          answer_->field(i)->name(), answer_->field(i)->type()->ToString()));
    }
    fields.push_back(arrow::field(answer_->field(i)->name(), std::move(type)));
  }
  output_ = arrow::schema(std::move(fields));
  return Status::Ok();
}

Result<Answer> Query::Run(const arrow::RecordBatch& input) {
  input_->batch = &input;
  duckdb_result result;
  const duckdb_state ran = duckdb_execute_prepared(statement_.get(), &result);
  struct Done {
    ~Done() { duckdb_destroy_result(result); }
    duckdb_result* result;
  } done{&result};
  if (ran == DuckDBError) return Status::Data(duckdb_result_error(&result));
  Answer answer;
  arrow::RecordBatchVector batches;
  while (true) {
    DataChunk chunk(duckdb_fetch_chunk(result));
    if (!chunk) break;
    ArrowArray array;
    RETURN_IF_ERROR(
        ToStatus(duckdb_data_chunk_to_arrow(options_.get(), chunk.get(), &array),
                 ErrorKind::kData));
    auto batch = arrow::ImportRecordBatch(&array, answer_);
    if (!batch.ok()) return Status::Bug(batch.status().ToString());
    if (by_row_) {
      const auto& rows = static_cast<const arrow::Int64Array&>(*(*batch)->column(0));
      answer.origin.insert(answer.origin.end(), rows.raw_values(),
                           rows.raw_values() + rows.length());
    }
    ASSIGN_OR_RETURN(batches.emplace_back(), Converted(**batch, columns_, output_));
  }
  auto table = arrow::Table::FromRecordBatches(output_, batches);
  if (!table.ok()) return Status::Bug(table.status().ToString());
  auto whole = (*table)->CombineChunksToBatch();
  if (!whole.ok()) return Status::Bug(whole.status().ToString());
  answer.rows = *std::move(whole);
  return answer;
}

Result<bool> KeepsEveryRow(Engine& engine, const std::string& sql) {
  ASSIGN_OR_RETURN(Connection connection, engine.Connect());
  ASSIGN_OR_RETURN(Json tree, Parse(connection, sql));
  return KeepsEveryRowOf(tree);
}

}  // namespace leat::sql
