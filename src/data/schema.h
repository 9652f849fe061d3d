// The shape of a table as a source knows it. Immutable once built and shared by every
// chunk that has it; a table that changes gets a new TableSchema.
#pragma once

#include <arrow/type.h>

#include <compare>
#include <memory>
#include <string>
#include <vector>

namespace leat {

struct TableId {
  std::string database;
  std::string schema;  // PostgreSQL's; empty elsewhere
  std::string table;

  auto operator<=>(const TableId&) const = default;
  std::string ToString() const;  // database.table or database.schema.table
};

struct Column {
  std::string name;
  std::shared_ptr<arrow::DataType> type;  // DESIGN: one mapping, docs/types.md
  bool nullable = true;
  std::string source_type;  // as the source writes it: "bigint(20) unsigned"
};

struct TableSchema {
  TableId id;
  std::vector<Column> columns;
  std::vector<int> key;  // positions in `columns`, in key order; empty: no key

  // Built once, on construction through Make.
  std::shared_ptr<arrow::Schema> arrow;

  static std::shared_ptr<const TableSchema> Make(TableId id, std::vector<Column> columns,
                                                 std::vector<int> key);
  // Same columns (names, types, nullability) and key.
  bool SameShape(const TableSchema& other) const;
  int Find(std::string_view column) const;  // -1: none
};
using SchemaRef = std::shared_ptr<const TableSchema>;

}  // namespace leat
