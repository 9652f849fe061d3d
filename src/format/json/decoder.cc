#include "format/json/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/batch_order.h"
#include "format/json/inference.h"
#include "format/json/schema_state.h"
#include "format/record_rows.h"

namespace leat::json {
JsonDecoder::JsonDecoder(DecoderOptions options) : options_(std::move(options)) {
  for (const std::string& topic : options_.topics) TableOf(topic)->announced = true;
}

std::vector<SchemaRef> JsonDecoder::Tables() const {
  std::vector<SchemaRef> out;
  for (const auto& [topic, table] : tables_) {
    if (table.schema && table.announced) out.push_back(table.schema);
  }
  return out;
}

JsonDecoder::Table* JsonDecoder::TableOf(const std::string& topic) {
  const auto [found, added] = tables_.try_emplace(topic);
  if (added && !inferring()) {
    // The key is among them: ReadDecoderOptions has seen to it.
    (void)SetSchema(topic, options_.format.columns, &found->second);
  }
  return &found->second;
}

Status JsonDecoder::SetSchema(const std::string& topic, std::vector<Column> columns,
                              Table* table) {
  std::vector<int> key;
  for (const std::string& name : options_.format.key) {
    auto column = std::find_if(columns.begin(), columns.end(),
                               [&](const Column& c) { return c.name == name; });
    if (column == columns.end()) {
      return Status::Config(fmt::format(
          "topic {}: no record so far has the field `{}` of `key`; declare the `columns`",
          topic, name));
    }
    column->nullable = false;
    key.push_back(static_cast<int>(column - columns.begin()));
  }
  table->schema = TableSchema::Make({"", "", topic}, std::move(columns), std::move(key));
  table->columns = std::make_unique<Columns>(table->schema);
  table->places.clear();
  for (size_t i = 0; i < table->schema->columns.size(); i++) {
    table->places[table->schema->columns[i].name] = i;
  }
  table->announced = false;
  return Status::Ok();
}

Status JsonDecoder::Decode(const Records& records, Batch* out) {
  if (records.size() == 0) return Status::Ok();
  Table* const table = TableOf(records.topic);
  Pass pass;
  pass.unknown = true;
  if (table->schema) pass = Run(records, table);
  if (pass.unknown) {
    RETURN_IF_ERROR(Infer(records, table));
    pass = table->schema ? Run(records, table) : Pass();
    if (!table->schema) {
      for (int64_t i = 0; i < records.size(); i++) {
        const Status status = Row(records, i, table, &pass);
        if (!status.ok()) {
          pass.rejects.push_back(RejectRecord(records, i, status.message()));
        }
      }
    }
  }
  if (table->schema && !table->announced) {
    Announce(table->schema, NextSeq(*out), out);
    table->announced = true;
  }
  for (DeadLetter& letter : pass.rejects) out->rejects.push_back(std::move(letter));
  if (pass.taken.empty()) return Status::Ok();
  Chunk chunk;
  chunk.schema = table->schema;
  ASSIGN_OR_RETURN(chunk.rows, table->columns->Finish());
  chunk.ops = std::move(pass.ops);
  return AddRecordRows(records, pass.taken, options_.meta, std::move(chunk), out);
}

// Looks at all records at once, so that the widest of their types wins.
Status JsonDecoder::Infer(const Records& records, Table* table) {
  Inference inference(table->schema ? table->schema->columns : std::vector<Column>());
  for (int64_t i = 0; i < records.size(); i++) {
    if (records.values->IsNull(i)) continue;
    bool gone = false;
    const Status read = ReadValue(records, i, &members_, &gone);
    if (read.ok()) inference.Look(members_);
  }
  if (!inference.found()) return Status::Ok();
  return SetSchema(records.topic, inference.Columns(), table);
}

JsonDecoder::Pass JsonDecoder::Run(const Records& records, Table* table) {
  Pass pass;
  for (int64_t i = 0; i < records.size(); i++) {
    const Status status = Row(records, i, table, &pass);
    if (pass.unknown) {
      table->columns = std::make_unique<Columns>(table->schema);
      return pass;
    }
    if (!status.ok()) {
      table->columns->Drop();
      pass.rejects.push_back(RejectRecord(records, i, status.message()));
    }
  }
  return pass;
}

Status JsonDecoder::Row(const Records& records, int64_t record, Table* table,
                        Pass* pass) {
  if (records.values->IsNull(record)) {
    RETURN_IF_ERROR(Delete(records, record, table));
    pass->taken.push_back(record);
    pass->ops.push_back(Op::kDelete);
    return Status::Ok();
  }
  bool gone = false;
  RETURN_IF_ERROR(ReadValue(records, record, &members_, &gone));
  if (!table->schema) {
    return Status::Data("the record has no field that is not null to infer a column of");
  }
  size_t hint = 0;
  for (const Member& member : members_) {
    const auto place = PlaceOf(*table, member.name, hint);
    if (!place) {
      if (!inferring() || member.value.kind == Value::Kind::kNull) continue;
      pass->unknown = true;
      return Status::Ok();
    }
    hint = *place + 1;
    // Of a row that was, a null may mean not known.
    if (gone && member.value.kind == Value::Kind::kNull) continue;
    RETURN_IF_ERROR(table->columns->Set(*place, member.value));
  }
  RETURN_IF_ERROR(gone ? DeleteRow(table) : table->columns->Add(/*partly=*/false));
  pass->taken.push_back(record);
  pass->ops.push_back(gone ? Op::kDelete : Op::kInsert);
  return Status::Ok();
}

// The row that is set.
Status JsonDecoder::DeleteRow(Table* table) {
  for (const int column : table->schema->key) {
    const std::string& name = table->schema->columns[static_cast<size_t>(column)].name;
    const bool there = std::ranges::any_of(members_, [&](const Member& member) {
      return member.name == name && member.value.kind != Value::Kind::kNull;
    });
    if (!there) {
      return Status::Data(
          fmt::format("a deleted row has no value of the key `{}`", name));
    }
  }
  return table->columns->Add(/*partly=*/true);
}

Status JsonDecoder::ReadValue(const Records& records, int64_t record,
                              std::vector<Member>* members, bool* gone) {
  return reader_.Read(records.values->GetView(record), members);
}

Status JsonDecoder::ReadKey(std::string_view key, const std::vector<std::string>& names,
                            std::vector<Member>* members) {
  if (key.starts_with('{') || names.size() != 1) return reader_.Read(key, members);
  members->clear();
  Value& value = members->emplace_back().value;
  members->back().name = names[0];
  value.kind = Value::Kind::kString;
  value.text = key;
  if (key.size() >= 2 && key.starts_with('"') && key.ends_with('"')) {
    value.text = key.substr(1, key.size() - 2);
  }
  return Status::Ok();
}

// Records mostly have their fields in one order: the next column is tried first.
std::optional<size_t> JsonDecoder::PlaceOf(const Table& table, std::string_view name,
                                           size_t hint) {
  const std::vector<Column>& columns = table.schema->columns;
  if (hint < columns.size() && columns[hint].name == name) return hint;
  const auto found = table.places.find(name);
  if (found == table.places.end()) return std::nullopt;
  return found->second;
}

Status JsonDecoder::Delete(const Records& records, int64_t record, Table* table) {
  if (options_.format.key.empty()) {
    return Status::Data(
        "a tombstone deletes a row by its key, and `key` does not say which columns it "
        "has");
  }
  if (!table->schema)
    return Status::Data("a tombstone before the first row of its topic");
  if (records.keys->IsNull(record)) return Status::Data("a tombstone without a key");
  const std::vector<int>& columns = table->schema->key;
  RETURN_IF_ERROR(ReadKey(records.keys->GetView(record), options_.format.key, &members_));
  for (const int column : columns) {
    const auto place = static_cast<size_t>(column);
    const std::string& name = table->schema->columns[place].name;
    auto member = std::find_if(members_.begin(), members_.end(),
                               [&](const Member& m) { return m.name == name; });
    if (member == members_.end()) {
      return Status::Data(fmt::format("the key of a tombstone has no field `{}`", name));
    }
    RETURN_IF_ERROR(table->columns->Set(place, member->value));
  }
  return table->columns->Add(/*partly=*/true);
}

std::string JsonDecoder::State() const {
  if (!inferring()) return {};
  std::map<std::string, LearntTable> learnt;
  for (const auto& [topic, table] : tables_) {
    if (table.schema) learnt[topic].columns = table.schema->columns;
  }
  return learnt.empty() ? std::string() : WriteSchemaState(learnt);
}

Status JsonDecoder::Restore(std::string_view state) {
  if (state.empty() || !inferring()) return Status::Ok();
  ASSIGN_OR_RETURN(const auto learnt, ReadSchemaState(state));
  for (const auto& [topic, kept] : learnt) {
    Table& table = tables_[topic];
    std::vector<Column> all =
        table.schema ? table.schema->columns : std::vector<Column>();
    for (const Column& column : kept.columns) {
      const bool known = table.schema && table.schema->Find(column.name) >= 0;
      if (!known) all.push_back(column);
    }
    RETURN_IF_ERROR(SetSchema(topic, std::move(all), &table));
  }
  return Status::Ok();
}

}  // namespace leat::json
