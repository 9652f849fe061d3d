// A table's schema as bytes, for whoever keeps rows without repeating it: everything of
// TableSchema, Arrow's types in Arrow's own form. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "data/schema.h"

namespace leat {

Result<std::string> EncodeSchema(const TableSchema& schema);
// kConfig for what EncodeSchema did not make.
Result<SchemaRef> DecodeSchema(std::string_view bytes);

// Names the encoded schema: 128 bits of its content, in hexadecimal.
std::string SchemaHash(std::string_view bytes);

}  // namespace leat
