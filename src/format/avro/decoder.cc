#include "format/avro/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/json.h"
#include "format/avro/mapping.h"
#include "format/batch_order.h"
#include "format/record_rows.h"

namespace leat::avro {
namespace {

constexpr size_t kFrame = 5;

}  // namespace

AvroDecoder::AvroDecoder(DecoderOptions options)
    : options_(std::move(options)), registry_(options_.format.registry) {}

std::vector<SchemaRef> AvroDecoder::Tables() const {
  std::vector<SchemaRef> out;
  for (const auto& [topic, table] : tables_) {
    if (table.schema) out.push_back(table.schema);
  }
  return out;
}

std::string AvroDecoder::State() const {
  nlohmann::json state = nlohmann::json::object();
  for (const auto& [topic, table] : tables_) {
    const int32_t id = table.id >= 0 ? table.id : table.restored;
    if (id >= 0) state[topic] = id;
  }
  return state.empty() ? std::string() : DumpJson(state);
}

Status AvroDecoder::Restore(std::string_view state) {
  if (state.empty()) return Status::Ok();
  const auto kept = TryParseJson<nlohmann::json>(state);
  if (!kept.is_object()) {
    return Status::Config("the schemas kept with a position cannot be read");
  }
  for (const auto& [topic, id] : kept.items()) {
    if (!id.is_number_integer()) continue;
    // Of several partitions the newest.
    Table& table = tables_[topic];
    table.restored = std::max(table.restored, id.get<int32_t>());
  }
  return Status::Ok();
}

Status AvroDecoder::Decode(const Records& records, Batch* out) {
  unknown_.clear();
  Table& table = tables_[records.topic];
  if (table.key.empty()) table.key = options_.format.key;
  for (int64_t i = 0; i < records.size(); i++) {
    const Status status = records.values->IsNull(i) ? Delete(records, i, &table, out)
                                                    : Row(records, i, &table, out);
    if (status.ok()) continue;
    if (status.kind() != ErrorKind::kData) return status;
    if (table.rows) table.rows->Drop();
    out->rejects.push_back(RejectRecord(records, i, status.message()));
  }
  return Close(records, &table, out);
}

Result<const AvroDecoder::Shape*> AvroDecoder::ShapeOf(std::string_view* bytes,
                                                       int32_t* id) {
  if (bytes->size() < kFrame || (*bytes)[0] != '\0') {
    return Status::Data(
        "not in the framing of a schema registry: a zero byte and a schema's id");
  }
  uint32_t number = 0;
  for (size_t i = 1; i < kFrame; i++) {
    number = number << 8 | static_cast<uint8_t>((*bytes)[i]);
  }
  *id = static_cast<int32_t>(number);
  bytes->remove_prefix(kFrame);
  return ShapeById(*id);
}

Result<const AvroDecoder::Shape*> AvroDecoder::ShapeById(int32_t id) {
  const auto known = shapes_.find(id);
  if (known != shapes_.end()) return known->second.get();
  if (const auto missing = unknown_.find(id); missing != unknown_.end()) {
    return missing->second;
  }
  auto text = registry_.GetSchema(id);
  if (!text.ok()) {
    if (text.status().kind() == ErrorKind::kData) unknown_[id] = text.status();
    return text.status();
  }
  auto schema = AvroSchema::Parse(*text);
  if (!schema.ok()) {
    return Status::Data(fmt::format("schema {}: {}", id, schema.status().message()));
  }
  auto shape = std::make_unique<Shape>();
  shape->schema = *std::move(schema);
  // A key may be of another type; only a value has to be a record.
  if (auto columns = ColumnsOf(shape->schema); columns.ok()) {
    shape->columns = *std::move(columns);
  }
  return (shapes_[id] = std::move(shape)).get();
}

Status AvroDecoder::Row(const Records& records, int64_t record, Table* table,
                        Batch* out) {
  std::string_view bytes = records.values->GetView(record);
  int32_t id = 0;
  ASSIGN_OR_RETURN(const Shape* const shape, ShapeOf(&bytes, &id));
  if (shape->columns.empty()) return Status::Data("the value's schema is of no record");
  RETURN_IF_ERROR(ReadKeyNames(records, record, table));
  if (id != table->id || table->key != table->schema_key) {
    RETURN_IF_ERROR(Adopt(records, *shape, id, table, out));
  }
  RETURN_IF_ERROR(SetFields(*shape, bytes, table->places, table));
  RETURN_IF_ERROR(table->rows->Add(/*partly=*/false));
  table->ops.push_back(Op::kInsert);
  table->taken.push_back(record);
  return Status::Ok();
}

// A key in another form says nothing of its columns.
Status AvroDecoder::ReadKeyNames(const Records& records, int64_t record, Table* table) {
  if (!options_.format.key.empty() || records.keys->IsNull(record)) return Status::Ok();
  std::string_view bytes = records.keys->GetView(record);
  int32_t id = 0;
  auto shape = ShapeOf(&bytes, &id);
  if (!shape.ok()) {
    return shape.status().kind() == ErrorKind::kData ? Status::Ok() : shape.status();
  }
  if (id == table->key_id) return Status::Ok();
  table->key_id = id;
  table->key.clear();
  for (const Column& column : (*shape)->columns) table->key.push_back(column.name);
  return Status::Ok();
}

Status AvroDecoder::Adopt(const Records& records, const Shape& shape, int32_t id,
                          Table* table, Batch* out) {
  const bool straggler = !table->seen.insert(id).second;
  const auto fits = [&](const Column& column) {
    const int place = table->schema->Find(column.name);
    return place >= 0 &&
           table->schema->columns[static_cast<size_t>(place)].type->Equals(column.type);
  };
  std::vector<Column> columns = declared() ? options_.format.columns : shape.columns;
  if (straggler && table->schema && std::ranges::all_of(shape.columns, fits)) {
    columns = table->schema->columns;
  }
  RETURN_IF_ERROR(SetSchema(records, std::move(columns), table, out));
  table->id = id;
  table->places = PlacesOf(shape, *table->schema);
  return Status::Ok();
}

std::vector<int> AvroDecoder::PlacesOf(const Shape& shape, const TableSchema& schema) {
  std::vector<int> places;
  for (const Column& column : shape.columns) places.push_back(schema.Find(column.name));
  return places;
}

Status AvroDecoder::SetSchema(const Records& records, std::vector<Column> columns,
                              Table* table, Batch* out) {
  std::vector<int> key;
  for (const std::string& name : table->key) {
    const auto column = std::ranges::find(columns, name, &Column::name);
    if (column == columns.end()) continue;
    column->nullable = false;
    key.push_back(static_cast<int>(column - columns.begin()));
  }
  const SchemaRef schema =
      TableSchema::Make({"", "", records.topic}, std::move(columns), std::move(key));
  table->schema_key = table->key;
  if (table->schema && table->schema->SameShape(*schema)) return Status::Ok();
  RETURN_IF_ERROR(Close(records, table, out));
  table->schema = schema;
  table->rows = std::make_unique<json::Columns>(schema);
  Announce(schema, NextSeq(*out), out);
  return Status::Ok();
}

Status AvroDecoder::SetFields(const Shape& shape, std::string_view datum,
                              const std::vector<int>& places, Table* table) {
  ASSIGN_OR_RETURN(const AvroValue value, ReadAvroDatum(shape.schema, datum));
  memory_.resize(std::max(memory_.size(), value.items.size()));
  for (size_t i = 0; i < value.items.size(); i++) {
    if (places[i] < 0) continue;
    json::Value read;
    if (!ToValue(shape.schema, value.items[i], &read, &memory_[i])) {
      return Status::Data(fmt::format("column `{}`: the value does not fit its Avro type",
                                      shape.columns[i].name));
    }
    RETURN_IF_ERROR(table->rows->Set(static_cast<size_t>(places[i]), read));
  }
  return Status::Ok();
}

Status AvroDecoder::Delete(const Records& records, int64_t record, Table* table,
                           Batch* out) {
  if (records.keys->IsNull(record)) return Status::Data("a tombstone without a key");
  if (!table->schema) RETURN_IF_ERROR(MeetByTombstone(records, record, table, out));
  const std::vector<int>& key = table->schema->key;
  if (key.empty()) return Status::Data("a tombstone of a table whose key is not known");
  std::string_view bytes = records.keys->GetView(record);
  if (key.size() == 1 && !bytes.starts_with('\0')) {
    json::Value value;
    value.kind = json::Value::Kind::kString;
    value.text = bytes;
    RETURN_IF_ERROR(table->rows->Set(static_cast<size_t>(key[0]), value));
  } else {
    RETURN_IF_ERROR(SetKey(bytes, table));
  }
  RETURN_IF_ERROR(table->rows->Add(/*partly=*/true));
  table->ops.push_back(Op::kDelete);
  table->taken.push_back(record);
  return Status::Ok();
}

Status AvroDecoder::MeetByTombstone(const Records& records, int64_t record, Table* table,
                                    Batch* out) {
  RETURN_IF_ERROR(ReadKeyNames(records, record, table));
  if (declared()) return SetSchema(records, options_.format.columns, table, out);
  if (table->restored < 0) {
    return Status::Data("a tombstone before the first row of its topic");
  }
  ASSIGN_OR_RETURN(const Shape* const shape, ShapeById(table->restored));
  return Adopt(records, *shape, table->restored, table, out);
}

// Out of a record with the key's columns, or a bare value.
Status AvroDecoder::SetKey(std::string_view bytes, Table* table) {
  const std::vector<int>& key = table->schema->key;
  int32_t id = 0;
  ASSIGN_OR_RETURN(const Shape* const shape, ShapeOf(&bytes, &id));
  if (shape->columns.empty() && key.size() == 1) {
    ASSIGN_OR_RETURN(const AvroValue bare, ReadAvroDatum(shape->schema, bytes));
    json::Value value;
    memory_.resize(std::max<size_t>(memory_.size(), 1));
    if (!ToValue(shape->schema, bare, &value, memory_.data())) {
      return Status::Data("the key of a tombstone does not fit its Avro type");
    }
    return table->rows->Set(static_cast<size_t>(key[0]), value);
  }
  const std::vector<int> places = PlacesOf(*shape, *table->schema);
  for (const int column : key) {
    if (std::ranges::find(places, column) != places.end()) continue;
    return Status::Data(
        fmt::format("the key of a tombstone has no field `{}`",
                    table->schema->columns[static_cast<size_t>(column)].name));
  }
  return SetFields(*shape, bytes, places, table);
}

Status AvroDecoder::Close(const Records& records, Table* table, Batch* out) {
  if (table->taken.empty()) return Status::Ok();
  Chunk chunk;
  chunk.schema = table->schema;
  ASSIGN_OR_RETURN(chunk.rows, table->rows->Finish());
  chunk.ops = std::exchange(table->ops, {});
  const std::vector<int64_t> taken = std::exchange(table->taken, {});
  return AddRecordRows(records, taken, options_.meta, std::move(chunk), out);
}

}  // namespace leat::avro
