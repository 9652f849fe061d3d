// `format: avro`: rows and keys as Avro records in the framing of Confluent's Schema
// Registry (a zero byte, the schema's id in four, big-endian, then the datum). The
// schemas are made from the tables and registered under TOPIC-key and TOPIC-value
// (TopicNameStrategy), before the first row that has them.
#pragma once

#include "format/row_encoder.h"
#include "wire/schema_registry.h"

namespace leat::avro {

class AvroRowEncoder final : public RowEncoder {
 public:
  explicit AvroRowEncoder(EncoderOptions options);

 protected:
  Result<std::unique_ptr<RowForm>> MakeForm(const TableSchema& schema,
                                            const std::vector<int>& columns,
                                            bool key) override;

 private:
  SchemaRegistry registry_;
};

}  // namespace leat::avro
