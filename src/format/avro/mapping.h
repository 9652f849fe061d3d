// Avro's types and a table's columns: the schema that a table is written with, the
// columns of a record that somebody wrote, and its values as columns take them
// (json/columns.h). Source: the Avro specification 1.11, with its logical types. Any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/schema.h"
#include "format/avro_reader.h"
#include "format/json/reader.h"

namespace leat::avro {

// A record of those columns. What names may not have becomes `_`; the column's own name
// then stands beside it as "column". Nullable columns are unions with null.
std::string RecordSchema(const TableSchema& schema, const std::vector<int>& columns,
                         std::string_view name);

// The columns of a record; kData where the schema is of something else.
Result<std::vector<Column>> ColumnsOf(const AvroSchema& schema);

// False for what Avro's rules forbid: text that is not UTF-8, an enum's number without a
// symbol, a decimal of absurd size. What `out` points to lies in `value` or in `memory`.
bool ToValue(const AvroSchema& schema, const AvroValue& value, json::Value* out,
             std::string* memory);

}  // namespace leat::avro
