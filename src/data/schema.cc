#include "data/schema.h"

namespace leat {

std::string TableId::ToString() const {
  std::string out = database;
  for (const std::string* part : {&schema, &table}) {
    if (part->empty()) continue;
    if (!out.empty()) out += '.';
    out += *part;
  }
  return out;
}

SchemaRef TableSchema::Make(TableId id, std::vector<Column> columns,
                            std::vector<int> key) {
  auto made = std::make_shared<TableSchema>();
  arrow::FieldVector fields;
  fields.reserve(columns.size());
  for (const Column& c : columns) {
    fields.push_back(arrow::field(c.name, c.type, c.nullable));
  }
  made->id = std::move(id);
  made->columns = std::move(columns);
  made->key = std::move(key);
  made->arrow = arrow::schema(std::move(fields));
  return made;
}

bool TableSchema::SameShape(const TableSchema& other) const {
  return key == other.key && arrow->Equals(*other.arrow, /*check_metadata=*/false);
}

int TableSchema::Find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); i++) {
    if (columns[i].name == column) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace leat
