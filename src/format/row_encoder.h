// What the encoders of plain rows share: a row is a record of its key and its columns, a
// delete a tombstone, an update that changes the key a tombstone for the old one and a
// record for the new one. How key and row are written is the format's. Owned by one sink;
// one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/codec.h"
#include "format/topic_writer.h"

namespace leat {

// Writes rows, or keys, of one schema.
class RowForm {
 public:
  virtual ~RowForm() = default;
  // The rows to write next; borrowed until the next Bind.
  virtual void Bind(const arrow::RecordBatch& rows) = 0;
  virtual void Write(int64_t row, ByteColumn* to) = 0;
};

class RowEncoder : public Encoder {
 public:
  explicit RowEncoder(EncoderOptions options) : options_(std::move(options)) {}

  Needs needs() const override;
  std::string TopicFor(const TableId& table) const override;
  Status Encode(const Batch& batch, const TakeRecords& take,
                std::vector<DeadLetter>* rejects) override;
  Result<std::shared_ptr<arrow::BinaryArray>> Keys(const Chunk& chunk,
                                                   bool before) override;

 protected:
  const EncoderOptions& options() const { return options_; }

  // A form for those columns of the schema: its key, or all of them.
  virtual Result<std::unique_ptr<RowForm>> MakeForm(const TableSchema& schema,
                                                    const std::vector<int>& columns,
                                                    bool key) = 0;

 private:
  // How the rows of one schema are written.
  struct Plan {
    SchemaRef schema;  // keeps the pointer that finds it
    std::string topic;
    std::unique_ptr<RowForm> key;  // null: the table has none
    std::unique_ptr<RowForm> old_key;
    std::unique_ptr<RowForm> row;
  };
  Result<Plan*> PlanOf(const SchemaRef& schema);
  Status WriteRun(const OrderedRows& run, Plan* plan, RecordsBuilder* to,
                  const TakeRecords& take, std::vector<DeadLetter>* rejects);
  DeadLetter WithoutKey(const Chunk& chunk, int64_t row, const std::string& topic) const;

  const EncoderOptions options_;
  std::map<const TableSchema*, Plan> plans_;
  TopicWriter writer_;
  ByteColumn old_key_;
};

}  // namespace leat
