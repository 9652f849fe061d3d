// The key by which a table is read in order: its values as canonical text (KeyValues), as
// SQL literals that compare exactly as the stored values do, and as conditions that the
// key's index answers. Integers are compared here; anything with a collation, a scale or
// a calendar is left to the server, whose order it is. A value; any thread.
// Errors: kBug for a row without the key's columns, kConfig for a text that is no value
// of its column.
#pragma once

#include <string>
#include <vector>

#include "connectors/mysql/client/catalog.h"
#include "connectors/mysql/snapshot/snapshot_progress.h"
#include "data/batch.h"

namespace leat::mysql {

class ChunkKey {
 public:
  ChunkKey() = default;
  explicit ChunkKey(const CatalogTable& table) : ChunkKey(table, table.order) {}
  ChunkKey(const CatalogTable& table, const std::vector<KeyColumn>& order);

  // No order to read by: the table is read in one go.
  bool empty() const { return parts_.empty(); }

  // The canonical text of each column, to SELECT.
  std::string SelectList() const;
  std::string OrderBy() const;
  // Conditions: after `key` in the order; at or after it; at or before it.
  std::string After(const KeyValues& key) const;
  std::string From(const KeyValues& key) const;
  std::string UpTo(const KeyValues& key) const;

  // The key of a row; the batch's columns are found by name.
  Result<KeyValues> Of(const arrow::RecordBatch& rows, int64_t row) const;
  // As many values as columns, each of a form that makes a literal.
  Status Check(const KeyValues& key) const;

  // Every column is an integer: NotAfter needs no server.
  bool integers() const;
  bool NotAfter(const KeyValues& key, const KeyValues& limit) const;
  // The same as an expression without columns, for the server to decide: 1 or 0.
  std::string NotAfterExpression(const KeyValues& key, const KeyValues& limit) const;

  // Names of the columns, for comparing keys of two shapes.
  std::vector<std::string> names() const;

 private:
  enum class Form : uint8_t { kInteger, kNumber, kDouble, kTime, kNative, kText, kBytes };
  struct Part {
    ColumnDef column;
    Form form = Form::kInteger;
    std::string name;  // quoted
    std::string charset;
    std::string collation;
  };
  static Form FormOf(const ColumnDef& column);
  static std::string Literal(const Part& part, const std::string& value);
  // With its type said, for comparing without a column.
  static std::string Typed(const Part& part, const std::string& value);
  static Result<std::string> Text(const Part& part, const arrow::Array& array,
                                  int64_t row);
  static std::string Bound(const Part& part, std::string_view op,
                           const std::string& value);
  std::string Compare(const KeyValues& key, std::string_view strict,
                      std::string_view last) const;

  std::vector<Part> parts_;
};

}  // namespace leat::mysql
