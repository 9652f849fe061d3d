// `format: json`: a row is an object of its columns; a delete is a tombstone. The key is
// an object of the key's columns, null where the table has none. An update that changes
// the key is a tombstone for the old one and a record for the new one.
#pragma once

#include <map>

#include "format/codec.h"
#include "format/json/row_writer.h"
#include "format/topic_writer.h"

namespace leat::json {

class JsonEncoder final : public Encoder {
 public:
  explicit JsonEncoder(EncoderOptions options) : options_(std::move(options)) {}

  Needs needs() const override;
  std::string TopicFor(const TableId& table) const override;
  Status Encode(const Batch& batch, std::vector<Records>* out,
                std::vector<DeadLetter>* rejects) override;
  Result<std::shared_ptr<arrow::BinaryArray>> Keys(const Chunk& chunk,
                                                   bool before) override;

 private:
  // How the rows of one schema are written.
  struct Plan {
    SchemaRef schema;  // keeps the pointer that finds it
    std::string topic;
    bool has_key = false;
    RowWriter key;
    RowWriter old_key;
    RowWriter row;
  };
  Result<Plan*> PlanOf(const SchemaRef& schema);
  void WriteRun(const OrderedRows& run, Plan* plan, RecordsBuilder* to,
                std::vector<Records>* out, std::vector<DeadLetter>* rejects);

  const EncoderOptions options_;
  std::map<const TableSchema*, Plan> plans_;
  TopicWriter writer_;
  std::string old_key_;
};

}  // namespace leat::json
