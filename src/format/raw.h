// `format: raw`: bytes as they are. Reading gives a table with the columns `key` and
// `value`, both binary; a tombstone is a row with a null value. Writing takes a column
// `key`, or the columns of the user's key where it is a single one of text or bytes, and
// a column `value`, or the only one that is not the key.
#pragma once

#include <map>

#include "format/codec.h"
#include "format/topic_writer.h"

namespace leat {

class RawDecoder final : public Decoder {
 public:
  explicit RawDecoder(DecoderOptions options);

  Status Decode(const Records& records, Batch* out) override;
  std::vector<SchemaRef> Tables() const override;

 private:
  const DecoderOptions options_;
  std::map<std::string, SchemaRef> tables_;  // by topic
};

class RawEncoder final : public Encoder {
 public:
  explicit RawEncoder(EncoderOptions options) : options_(std::move(options)) {}

  Needs needs() const override { return {}; }
  std::string TopicFor(const TableId& table) const override;
  Status Encode(const Batch& batch, const TakeRecords& take,
                std::vector<DeadLetter>* rejects) override;
  Result<std::shared_ptr<arrow::BinaryArray>> Keys(const Chunk& chunk,
                                                   bool before) override;

 private:
  struct Columns {
    int key = -1;  // -1: records without keys
    int value = -1;
  };
  Result<Columns> ColumnsOf(const TableSchema& schema) const;

  const EncoderOptions options_;
  TopicWriter writer_;
};

}  // namespace leat
