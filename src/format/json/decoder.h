// `format: json`: a record is an object, a row of the table that is named as its topic.
// The columns are declared, or inferred (json/inference.h) and then grow with the
// records. With a declared key a tombstone is a delete, its key read out of the record's
// key: an object, or the bare value where the key is one column. Fields that are not
// declared are passed over.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "format/codec.h"
#include "format/json/columns.h"
#include "format/json/reader.h"

namespace leat::json {

// Other formats whose records are fields with names and values read those, and share the
// rest: they override ReadValue and ReadKey.
class JsonDecoder : public Decoder {
 public:
  explicit JsonDecoder(DecoderOptions options);

  Status Decode(const Records& records, Batch* out) override;
  std::vector<SchemaRef> Tables() const override;
  std::string State() const override;
  Status Restore(std::string_view state) override;

 protected:
  // The fields of a record's value; `gone`: of a row that is deleted. They last until the
  // next call.
  virtual Status ReadValue(const Records& records, int64_t record,
                           std::vector<Member>* members, bool* gone);
  // The fields of a tombstone's key; `names` are those of the table's key.
  virtual Status ReadKey(std::string_view key, const std::vector<std::string>& names,
                         std::vector<Member>* members);
  const DecoderOptions& options() const { return options_; }

 private:
  struct Table {
    SchemaRef schema;
    std::unique_ptr<Columns> columns;  // of that schema
    std::map<std::string, size_t, std::less<>> places;
    bool announced = false;
  };
  // What one pass over the records found.
  struct Pass {
    std::vector<int64_t> taken;
    std::vector<Op> ops;
    std::vector<DeadLetter> rejects;
    bool unknown = false;  // a field without a column: the pass counts for nothing
  };

  bool inferring() const { return options_.format.columns.empty(); }
  Status SetSchema(const std::string& topic, std::vector<Column> columns, Table* table);
  Table* TableOf(const std::string& topic);
  Status Infer(const Records& records, Table* table);
  Pass Run(const Records& records, Table* table);
  Status Row(const Records& records, int64_t record, Table* table, Pass* pass);
  Status Delete(const Records& records, int64_t record, Table* table);
  Status DeleteRow(Table* table);
  // Nothing: an unknown field.
  std::optional<size_t> PlaceOf(const Table& table, std::string_view name, size_t hint);

  const DecoderOptions options_;
  std::map<std::string, Table> tables_;  // by topic
  Reader reader_;
  std::vector<Member> members_;
};

}  // namespace leat::json
