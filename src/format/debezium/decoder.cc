#include "format/debezium/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/batch_order.h"
#include "format/json/inference.h"
#include "format/json/schema_state.h"
#include "format/record_rows.h"

namespace leat::debezium {
namespace {

using json::Member;
using json::Value;
using Kind = Value::Kind;

constexpr size_t kMostSchemas = 64;  // of one table; older ones are forgotten

const Value* Find(const std::vector<Member>& members, std::string_view name) {
  for (const Member& member : members) {
    if (member.name == name && member.value.kind != Kind::kNull) return &member.value;
  }
  return nullptr;
}

bool HasMember(const std::vector<Member>& members, std::string_view name) {
  return std::ranges::any_of(members, [&](const Member& m) { return m.name == name; });
}

// Heartbeats, transaction markers, schema changes.
bool IsNotice(const std::vector<Member>& members) {
  if (members.size() == 1) return members[0].name == "ts_ms";
  return (HasMember(members, "status") && HasMember(members, "event_count")) ||
         (HasMember(members, "databaseName") && HasMember(members, "tableChanges"));
}

std::string TextOf(const Value* value) {
  return value && value->kind == Kind::kString ? std::string(value->text) : "";
}

std::string_view Nested(const Value* value) {
  return value && value->kind == Kind::kNested ? value->text : std::string_view();
}

bool IsTime(const arrow::DataType& type) {
  return type.id() == arrow::Type::DATE32 || type.id() == arrow::Type::TIMESTAMP;
}

// Microseconds, of the finest clock that is there.
int64_t TimeOf(const std::vector<Member>& members) {
  const Value* micros = Find(members, "ts_us");
  if (micros && micros->kind == Kind::kInt) {
    return BoundedMicros(micros->integer / 1000) + micros->integer % 1000;
  }
  const Value* millis = Find(members, "ts_ms");
  return millis && millis->kind == Kind::kInt ? BoundedMicros(millis->integer) : 0;
}

// Of PostgreSQL, where a large value did not change.
bool IsUnavailable(const Value& value) {
  constexpr std::string_view kText = "__debezium_unavailable_value";
  constexpr std::string_view kBase64 = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
  return value.kind == Kind::kString && (value.text == kText || value.text == kBase64);
}

}  // namespace

std::vector<SchemaRef> DebeziumDecoder::Tables() const {
  std::vector<SchemaRef> out;
  for (const auto& [id, table] : tables_) {
    if (table->schema && table->announced) out.push_back(table->schema);
  }
  return out;
}

DebeziumDecoder::Table* DebeziumDecoder::TableOf(TableId id) {
  std::unique_ptr<Table>& table = tables_[id];
  if (!table) {
    table = std::make_unique<Table>();
    table->id = std::move(id);
    table->key = options_.format.key;
    table->key_known = !table->key.empty();
  }
  return table.get();
}

Status DebeziumDecoder::Decode(const Records& records, Batch* out) {
  seq_ = NextSeq(*out);
  std::vector<Change> changes;
  bool inferring = false;
  for (int64_t i = 0; i < records.size(); i++) {
    Change change;
    if (!Parse(records, i, &change)) continue;
    inferring = inferring || (change.wrong.ok() && change.schema.empty() && !declared());
    changes.push_back(std::move(change));
  }
  if (inferring) Infer(changes);
  for (Change& change : changes) {
    if (change.wrong.ok()) change.wrong = Apply(records, change, out);
    if (change.wrong.ok()) continue;
    if (change.wrong.kind() != ErrorKind::kData) return change.wrong;
    out->rejects.push_back(RejectRecord(records, change.record, change.wrong.message()));
  }
  for (const auto& [id, table] : tables_)
    RETURN_IF_ERROR(Close(records, table.get(), out));
  return Status::Ok();
}

bool DebeziumDecoder::Parse(const Records& records, int64_t record, Change* change) {
  change->record = record;
  if (records.values->IsNull(record)) return false;  // a delete came before it
  bool seen = true;
  change->wrong = ParseEnvelope(records, change, &seen);
  return seen;
}

Status DebeziumDecoder::ParseEnvelope(const Records& records, Change* change,
                                      bool* seen) {
  RETURN_IF_ERROR(reader_.Read(records.values->GetView(change->record), &members_));
  if (members_.size() == 2 && HasMember(members_, "schema") &&
      HasMember(members_, "payload")) {
    change->schema = Nested(Find(members_, "schema"));
    const std::string_view payload = Nested(Find(members_, "payload"));
    *seen = !payload.empty();
    if (!*seen) return Status::Ok();
    RETURN_IF_ERROR(reader_.Read(payload, &members_));
  }
  const Value* op = Find(members_, "op");
  if (!op && IsNotice(members_)) {
    *seen = false;
    return Status::Ok();
  }
  if (!op) return Status::Data("the value is no change of Debezium's: it has no `op`");
  const std::string text = TextOf(op);
  if (text.size() != 1 || std::string_view("crudt").find(text[0]) == std::string::npos) {
    return Status::Data(fmt::format("the op `{}` is none of c, r, u, d and t", op->text));
  }
  change->op = text[0];
  change->before = Nested(Find(members_, "before"));
  change->after = Nested(Find(members_, "after"));
  change->time = TimeOf(members_);
  return ParseSource(Nested(Find(members_, "source")), records.topic, change);
}

Status DebeziumDecoder::ParseSource(std::string_view source, std::string_view topic,
                                    Change* change) {
  TableId id;
  members_.clear();
  if (!source.empty()) RETURN_IF_ERROR(reader_.Read(source, &members_));
  id.table = TextOf(Find(members_, "table"));
  if (!id.table.empty()) {
    id.database = TextOf(Find(members_, "db"));
    id.schema = TextOf(Find(members_, "schema"));
  } else {
    id.table = topic;
  }
  if (const int64_t time = TimeOf(members_); time != 0) change->time = time;
  change->table = TableOf(std::move(id));
  return Status::Ok();
}

// Names the columns of the table's key. A key of another converter says nothing.
void DebeziumDecoder::ReadKey(const Records& records, const Change& change) {
  if (change.op != 't') change.table->key_known = true;
  if (!options_.format.key.empty() || records.keys->IsNull(change.record)) return;
  if (!reader_.Read(records.keys->GetView(change.record), &inner_).ok()) return;
  if (inner_.size() == 2 && HasMember(inner_, "schema") && HasMember(inner_, "payload")) {
    const std::string_view payload = Nested(Find(inner_, "payload"));
    if (payload.empty() || !reader_.Read(payload, &inner_).ok()) return;
  }
  std::vector<std::string>& key = change.table->key;
  if (std::ranges::equal(key, inner_, {}, {}, &Member::name)) return;
  key.clear();
  for (const Member& member : inner_) key.emplace_back(member.name);
}

// All rows of these records at once, so that the widest of their types wins.
void DebeziumDecoder::Infer(const std::vector<Change>& changes) {
  std::map<Table*, json::Inference> found;
  for (const Change& change : changes) {
    if (!change.wrong.ok() || !change.schema.empty()) continue;
    const SchemaRef& known = change.table->schema;
    auto& inference =
        found.try_emplace(change.table, known ? known->columns : std::vector<Column>())
            .first->second;
    for (const std::string_view image : {change.after, change.before}) {
      if (!image.empty() && reader_.Read(image, &inner_).ok()) inference.Look(inner_);
    }
  }
  for (const auto& [table, inference] : found) {
    if (!inference.found()) continue;
    table->schema = TableSchema::Make(table->id, inference.Columns(), {});
    table->announced = false;
  }
}

// The table has the shape in which this change comes.
Status DebeziumDecoder::Adopt(const Records& records, const Change& change, Batch* out) {
  Table* const table = change.table;
  std::vector<Column> columns =
      declared() ? options_.format.columns
                 : (table->schema ? table->schema->columns : std::vector<Column>());
  if (change.schema != table->text && !change.schema.empty()) {
    RETURN_IF_ERROR(AdoptText(change.schema, table, &columns));
  }
  if (change.op == 't' && (columns.empty() || !table->key_known)) {
    return Status::Data("a truncation before the first row of its table");
  }
  if (columns.empty()) {
    return Status::Data("the row has no field that is not null to infer a column of");
  }
  RETURN_IF_ERROR(SetShape(records, std::move(columns), table, out));
  const auto shape = table->seen.find(change.schema);
  SetReadings(shape == table->seen.end() ? nullptr : &shape->second, table);
  return Status::Ok();
}

Status DebeziumDecoder::AdoptText(std::string_view text, Table* table,
                                  std::vector<Column>* columns) {
  auto found = table->seen.find(text);
  const bool straggler = found != table->seen.end();
  if (!straggler) {
    ASSIGN_OR_RETURN(auto fields, ParseEnvelopeSchema(text));
    if (table->seen.size() >= kMostSchemas) table->seen.clear();
    found = table->seen.emplace(text, std::move(fields)).first;
  }
  table->text = text;
  if (declared()) return Status::Ok();
  const auto fits = [&](const ConnectField& field) {
    const int place = table->schema->Find(field.column.name);
    return place >= 0 && table->schema->columns[static_cast<size_t>(place)].type->Equals(
                             field.column.type);
  };
  if (straggler && table->schema && std::ranges::all_of(found->second, fits)) {
    return Status::Ok();
  }
  columns->clear();
  for (const ConnectField& field : found->second) columns->push_back(field.column);
  return Status::Ok();
}

Status DebeziumDecoder::SetShape(const Records& records, std::vector<Column> columns,
                                 Table* table, Batch* out) {
  std::vector<int> key;
  for (const std::string& name : table->key) {
    const auto column = std::ranges::find(columns, name, &Column::name);
    if (column == columns.end()) continue;  // such as a router's own field
    column->nullable = false;
    key.push_back(static_cast<int>(column - columns.begin()));
  }
  for (size_t i = 0; i < columns.size(); i++) {
    // A date that no calendar has is null even where the source says NOT NULL.
    const bool in_key = std::ranges::find(key, static_cast<int>(i)) != key.end();
    if (!declared() && !in_key && IsTime(*columns[i].type)) columns[i].nullable = true;
  }
  const SchemaRef schema = TableSchema::Make(table->id, std::move(columns), key);
  table->schema_key = table->key;
  if (table->announced && table->schema->SameShape(*schema)) return Status::Ok();
  RETURN_IF_ERROR(Close(records, table, out));
  table->schema = schema;
  table->rows = std::make_unique<json::Columns>(schema);
  table->before = std::make_unique<json::Columns>(schema);
  table->places.clear();
  for (size_t i = 0; i < schema->columns.size(); i++) {
    table->places[schema->columns[i].name] = i;
  }
  Announce(schema, seq_++, out);
  table->announced = true;
  return Status::Ok();
}

void DebeziumDecoder::SetReadings(const std::vector<ConnectField>* fields,
                                  Table* table) const {
  table->readings.assign(table->schema->columns.size(), {});
  for (size_t i = 0; i < table->readings.size() && declared(); i++) {
    table->readings[i] = ReadingOf(table->schema->columns[i], options_.format.debezium);
  }
  if (!fields) return;
  for (const ConnectField& field : *fields) {
    const auto place = table->places.find(field.column.name);
    if (place != table->places.end()) table->readings[place->second] = field.reading;
  }
}

Status DebeziumDecoder::Apply(const Records& records, const Change& change, Batch* out) {
  Table* const table = change.table;
  ReadKey(records, change);
  if (!table->announced || table->key != table->schema_key ||
      change.schema != table->text) {
    RETURN_IF_ERROR(Adopt(records, change, out));
  }
  if (change.op == 't') {
    RETURN_IF_ERROR(Close(records, table, out));
    Event event;
    event.kind = Event::Kind::kTruncate;
    event.seq = seq_++;
    event.table = table->id;
    event.schema = table->schema;
    out->events.push_back(std::move(event));
    out->source_time = std::max(out->source_time, change.time);
    return Status::Ok();
  }
  const Status status = Row(change);
  if (!status.ok()) {
    table->rows->Drop();
    table->before->Drop();
    return status;
  }
  Chunk& chunk = table->chunk;
  chunk.ops.push_back(change.op == 'c'   ? Op::kInsert
                      : change.op == 'r' ? Op::kRead
                      : change.op == 'u' ? Op::kUpdate
                                         : Op::kDelete);
  chunk.seq.push_back(seq_++);
  chunk.time.push_back(change.time != 0 ? change.time : MicrosOf(records, change.record));
  table->taken.push_back(change.record);
  return Status::Ok();
}

Status DebeziumDecoder::Row(const Change& change) {
  Table& table = *change.table;
  const bool gone = change.op == 'd';
  const std::string_view now = gone ? change.before : change.after;
  if (now.empty()) {
    return Status::Data(fmt::format("a change with op `{}` has no `{}`", change.op,
                                    gone ? "before" : "after"));
  }
  RETURN_IF_ERROR(
      SetImage(now, gone ? Part::kKnown : Part::kWhole, table, &row_, table.rows.get()));
  if (change.op == 'u') {
    // Without an image of what was the key is what it is now: Debezium writes a change of
    // a key as a delete and a create.
    const bool known = !change.before.empty();
    RETURN_IF_ERROR(SetImage(known ? change.before : now,
                             known ? Part::kKnown : Part::kKey, table, &old_row_,
                             table.before.get()));
    RETURN_IF_ERROR(table.before->Check(/*partly=*/true));
  }
  RETURN_IF_ERROR(table.rows->Check(gone));
  RETURN_IF_ERROR(table.rows->Add(gone));
  return change.op == 'u' ? table.before->Add(/*partly=*/true) : Status::Ok();
}

Status DebeziumDecoder::SetImage(std::string_view text, Part part, const Table& table,
                                 Image* image, json::Columns* to) {
  RETURN_IF_ERROR(image->reader.Read(text, &image->members));
  const std::vector<Column>& columns = table.schema->columns;
  image->memory.resize(columns.size());
  size_t next = 0;  // fields mostly stand in the order of the columns
  for (const Member& member : image->members) {
    if (next >= columns.size() || columns[next].name != member.name) {
      const auto found = table.places.find(member.name);
      if (found == table.places.end()) continue;  // not declared, or null so far
      next = found->second;
    }
    RETURN_IF_ERROR(SetValue(member.value, next++, part, table, image, to));
  }
  return part == Part::kWhole ? Status::Ok() : KeepKey(table, image->members);
}

Status DebeziumDecoder::SetValue(const Value& value, size_t place, Part part,
                                 const Table& table, Image* image, json::Columns* to) {
  const std::string& name = table.schema->columns[place].name;
  if (part == Part::kKey &&
      std::ranges::find(table.schema->key, static_cast<int>(place)) ==
          table.schema->key.end()) {
    return Status::Ok();
  }
  if (part != Part::kWhole && (value.kind == Kind::kNull || IsUnavailable(value))) {
    return Status::Ok();
  }
  if (IsUnavailable(value)) {
    return Status::Data(
        fmt::format("column `{}`: the source did not send its value, which had not "
                    "changed; set REPLICA IDENTITY FULL for the table",
                    name));
  }
  Value read;
  if (!values_.Read(table.readings[place], value, &read, &image->memory[place])) {
    return Status::Data(fmt::format("column `{}`: {} is not what its schema says", name,
                                    value.text.substr(0, 60)));
  }
  return to->Set(place, read);
}

// A row that was is found by its key: none of its values may be missing.
Status DebeziumDecoder::KeepKey(const Table& table,
                                const std::vector<Member>& members) const {
  for (const int column : table.schema->key) {
    const std::string& name = table.schema->columns[static_cast<size_t>(column)].name;
    if (!Find(members, name)) {
      return Status::Data(fmt::format("`before` has no value of the key `{}`", name));
    }
  }
  return Status::Ok();
}

Status DebeziumDecoder::Close(const Records& records, Table* table, Batch* out) {
  if (table->taken.empty()) return Status::Ok();
  Chunk chunk = std::exchange(table->chunk, {});
  chunk.schema = table->schema;
  ASSIGN_OR_RETURN(chunk.rows, table->rows->Finish());
  const bool updates = table->before->rows() > 0;
  if (updates) {
    ASSIGN_OR_RETURN(chunk.before, table->before->Finish());
  }
  const std::vector<int64_t> taken = std::exchange(table->taken, {});
  return AddRecordRows(records, taken, options_.meta, std::move(chunk), out);
}

// Each table is named by database, schema and table in lines. Columns that a schema in
// the messages says need not be kept.
std::string DebeziumDecoder::State() const {
  std::map<std::string, json::LearntTable> learnt;
  for (const auto& [id, table] : tables_) {
    if (!table->key_known) continue;
    json::LearntTable& kept = learnt[id.database + "\n" + id.schema + "\n" + id.table];
    if (options_.format.key.empty()) kept.key = table->key;
    if (!declared() && table->schema && table->text.empty()) {
      kept.columns = table->schema->columns;
    }
  }
  return learnt.empty() ? std::string() : json::WriteSchemaState(learnt);
}

Status DebeziumDecoder::Restore(std::string_view state) {
  if (state.empty()) return Status::Ok();
  ASSIGN_OR_RETURN(const auto learnt, json::ReadSchemaState(state));
  for (const auto& [name, kept] : learnt) {
    const size_t first = name.find('\n');
    const size_t second = first == name.npos ? first : name.find('\n', first + 1);
    if (second == name.npos) return Status::Config("the kept state names no table");
    Table* const table =
        TableOf({name.substr(0, first), name.substr(first + 1, second - first - 1),
                 name.substr(second + 1)});
    if (options_.format.key.empty() && !table->announced) table->key = kept.key;
    table->key_known = true;
    if (declared() || kept.columns.empty()) continue;
    std::vector<Column> all =
        table->schema ? table->schema->columns : std::vector<Column>();
    for (const Column& column : kept.columns) {
      if (!table->schema || table->schema->Find(column.name) < 0) all.push_back(column);
    }
    table->schema = TableSchema::Make(table->id, std::move(all), {});
    table->announced = false;
  }
  return Status::Ok();
}

}  // namespace leat::debezium
