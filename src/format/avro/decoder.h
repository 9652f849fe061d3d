// `format: avro`: Avro records in the framing of Confluent's Schema Registry into rows of
// the table that is named as the topic. The schema that a record was written with is
// asked of the registry by its id, once; another one is a changed table. A schema that
// came before already may be a straggler of another partition: its rows are read into the
// newer shape, unless a column has another type in it. With declared columns fields are
// found by name. A tombstone deletes by its key: an Avro record, or the bare text of a
// single column. The key's columns are those of the records' keys, unless declared.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "format/avro_reader.h"
#include "format/codec.h"
#include "format/json/columns.h"
#include "wire/schema_registry.h"

namespace leat::avro {

class AvroDecoder final : public Decoder {
 public:
  explicit AvroDecoder(DecoderOptions options);

  Status Decode(const Records& records, Batch* out) override;
  std::vector<SchemaRef> Tables() const override;
  // The schema of each topic's last value, for a tombstone that comes first.
  std::string State() const override;
  Status Restore(std::string_view state) override;

 private:
  // A schema of the registry.
  struct Shape {
    AvroSchema schema;
    std::vector<Column> columns;
  };
  struct Table {
    SchemaRef schema;         // null: not known yet
    std::set<int32_t> seen;   // schemas that came
    int32_t id = -1;          // of the values that come now, and where their fields go
    int32_t restored = -1;    // the same, where a process before this one stopped
    std::vector<int> places;  // -1: nowhere
    int32_t key_id = -1;      // of the keys that come now
    std::vector<int> key_places;
    std::vector<std::string> key;         // as the keys name them
    std::vector<std::string> schema_key;  // the same, when `schema` was made
    // Rows that are not in the batch yet.
    std::unique_ptr<json::Columns> rows;
    std::vector<Op> ops;
    std::vector<int64_t> taken;
  };

  bool declared() const { return !options_.format.columns.empty(); }
  // Takes the frame off; kData where there is none.
  Result<const Shape*> ShapeOf(std::string_view* bytes, int32_t* id);
  Result<const Shape*> ShapeById(int32_t id);
  Status Row(const Records& records, int64_t record, Table* table, Batch* out);
  Status ReadKeyNames(const Records& records, int64_t record, Table* table);
  Status Adopt(const Records& records, const Shape& shape, int32_t id, Table* table,
               Batch* out);
  Status Delete(const Records& records, int64_t record, Table* table, Batch* out);
  Status MeetByTombstone(const Records& records, int64_t record, Table* table,
                         Batch* out);
  Status SetKey(std::string_view bytes, Table* table);
  Status SetFields(const Shape& shape, std::string_view datum,
                   const std::vector<int>& places, Table* table);
  Status SetSchema(const Records& records, std::vector<Column> columns, Table* table,
                   Batch* out);
  Status Close(const Records& records, Table* table, Batch* out);
  static std::vector<int> PlacesOf(const Shape& shape, const TableSchema& schema);

  const DecoderOptions options_;
  SchemaRegistry registry_;
  std::map<int32_t, std::unique_ptr<Shape>> shapes_;
  std::map<int32_t, Status> unknown_;    // ids that the registry does not know, this time
  std::map<std::string, Table> tables_;  // by topic
  std::vector<std::string> memory_;
};

}  // namespace leat::avro
