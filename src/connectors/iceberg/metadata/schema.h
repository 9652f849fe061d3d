// Iceberg types and schemas (table spec, format v2), their JSON and their Arrow form.
//
// A column is known by its field id: names and order may change, ids never do and are
// never used twice. Values; any thread. Errors: kConfig for a shape or a change Iceberg
// cannot express, naming column and remedy.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/schema.h"

namespace leat::iceberg {

enum class TypeId : uint8_t {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,    // without zone, microseconds
  kTimestampTz,  // UTC, microseconds
  kString,
  kUuid,
  kFixed,
  kBinary,
  kStruct,
  kList,
  kMap,
};

struct NestedField;

struct Type {
  TypeId id = TypeId::kString;
  int precision = 0;                // decimal
  int scale = 0;                    // decimal
  int length = 0;                   // fixed
  std::vector<NestedField> fields;  // struct; list: element; map: key, value

  bool primitive() const { return id < TypeId::kStruct; }
  // "decimal(10,2)", "fixed[16]", "struct"
  std::string ToString() const;
  static Result<Type> Parse(std::string_view primitive);
};

struct NestedField {
  int id = 0;
  std::string name;
  bool required = false;
  Type type;
  std::string doc;
};

bool operator==(const Type& a, const Type& b);
bool operator==(const NestedField& a, const NestedField& b);

struct Schema {
  int id = 0;
  std::vector<NestedField> fields;
  std::vector<int> identifier_ids;  // the key's fields

  const NestedField* Find(std::string_view name) const;  // top level; nullptr: none
  const NestedField* FindId(int id) const;               // at any depth
  int Position(std::string_view name) const;             // in `fields`; -1: none
  int MaxId() const;
  // Same fields and key; the schema's own id does not count.
  bool SameShape(const Schema& other) const;

  // With PARQUET:field_id on every field; each Iceberg type as the one Arrow type this
  // program writes it from (int32, decimal128, timestamp[us, UTC], utf8, ...).
  std::shared_ptr<arrow::Schema> ToArrow() const;
  nlohmann::json ToJson() const;
  static Result<Schema> FromJson(const nlohmann::json& json);
};

std::shared_ptr<arrow::DataType> ArrowTypeOf(const Type& type);

// The Iceberg type that holds every value of an Arrow type; `next_id` numbers what is
// nested.
Result<Type> TypeFor(const arrow::DataType& type, int* next_id);

// A table's first schema: ids 1.. in order; `key` are positions in `columns`.
Result<Schema> MakeSchema(std::span<const Column> columns, std::span<const int> key);

// What a table should look like now.
struct SchemaChange {
  std::vector<Column> columns;
  std::vector<int> key;  // positions in `columns`
  // For each column its name before, "" when it is new. Empty: by equal names.
  std::vector<std::string> renamed_from;
  // The names its writer knew before. A column of the table that is not among them
  // belongs to somebody else and stays; so does every column when this is empty.
  std::vector<std::string> previous;
};

// `current` changed into what `change` wants, as far as Iceberg goes: add, drop, rename
// (the id stays), reorder, int->long, float->double, a longer decimal, required ->
// optional. A column that became narrower keeps its wider type. New ids count up from
// *last_column_id. Repeating a change is harmless. The result has `current`'s id.
Result<Schema> Evolve(const Schema& current, const SchemaChange& change,
                      int* last_column_id);

}  // namespace leat::iceberg
