// `format: debezium`: envelopes of Debezium's connectors, as JsonConverter writes them,
// into changes of tables. A table is named by the message's `source` (db, schema, table),
// or else by its topic; its key columns by the record's key.
//
// Columns come from the schema in the message; without one they are declared, or else
// inferred as `format: json` does. A schema that a newer one has replaced may still come
// out of another partition: its rows are read into the newer shape, unless a column has
// another type in it.
//
// Tombstones, heartbeats, transaction markers and schema-change messages hold no rows and
// are passed over. Whatever else is no envelope is a dead letter.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/codec.h"
#include "format/debezium/connect_schema.h"
#include "format/debezium/values.h"
#include "format/json/columns.h"
#include "format/json/reader.h"

namespace leat::debezium {

class DebeziumDecoder final : public Decoder {
 public:
  explicit DebeziumDecoder(DecoderOptions options) : options_(std::move(options)) {}

  Status Decode(const Records& records, Batch* out) override;
  std::vector<SchemaRef> Tables() const override;
  std::string State() const override;
  Status Restore(std::string_view state) override;

 private:
  struct Table {
    TableId id;
    SchemaRef schema;  // null: not known yet
    bool announced = false;
    std::map<std::string, size_t, std::less<>> places;
    std::vector<Reading> readings;        // of each column, in the messages that come now
    std::vector<std::string> key;         // as the records' keys name it
    bool key_known = false;               // a truncation has no key to name it
    std::vector<std::string> schema_key;  // the same, when `schema` was made
    // The schemas in messages: the one of the last message, and all that came.
    std::string text;
    std::map<std::string, std::vector<ConnectField>, std::less<>> seen;
    // Rows that are not in the batch yet.
    std::unique_ptr<json::Columns> rows;
    std::unique_ptr<json::Columns> before;
    Chunk chunk;
    std::vector<int64_t> taken;
  };
  // A message, taken apart.
  struct Change {
    int64_t record = 0;
    Status wrong;
    Table* table = nullptr;
    char op = 0;
    std::string_view schema;  // "": none came with it
    std::string_view before;  // "": null
    std::string_view after;
    int64_t time = 0;
  };
  // Which of an image's values count: all; those that are not null, as nulls of a row
  // that was may mean not known; those of the key.
  enum class Part : uint8_t { kWhole, kKnown, kKey };
  // A row being read: what its values point to must last until it is added.
  struct Image {
    json::Reader reader;
    std::vector<json::Member> members;
    std::vector<std::string> memory;
  };

  bool declared() const { return !options_.format.columns.empty(); }

  // False: nothing to see.
  bool Parse(const Records& records, int64_t record, Change* change);
  Status ParseEnvelope(const Records& records, Change* change, bool* seen);
  Status ParseSource(std::string_view source, std::string_view topic, Change* change);
  void ReadKey(const Records& records, const Change& change);
  Table* TableOf(TableId id);

  void Infer(const std::vector<Change>& changes);
  Status Adopt(const Records& records, const Change& change, Batch* out);
  Status AdoptText(std::string_view text, Table* table, std::vector<Column>* columns);
  Status SetShape(const Records& records, std::vector<Column> columns, Table* table,
                  Batch* out);
  void SetReadings(const std::vector<ConnectField>* fields, Table* table) const;

  Status Apply(const Records& records, const Change& change, Batch* out);
  Status Row(const Change& change);
  Status SetImage(std::string_view text, Part part, const Table& table, Image* image,
                  json::Columns* to);
  Status SetValue(const json::Value& value, size_t place, Part part, const Table& table,
                  Image* image, json::Columns* to);
  Status KeepKey(const Table& table, const std::vector<json::Member>& members) const;
  Status Close(const Records& records, Table* table, Batch* out);

  const DecoderOptions options_;
  std::map<TableId, std::unique_ptr<Table>> tables_;
  uint32_t seq_ = 0;
  json::Reader reader_;
  std::vector<json::Member> members_;
  std::vector<json::Member> inner_;
  ValueReader values_;
  Image row_;
  Image old_row_;
};

}  // namespace leat::debezium
