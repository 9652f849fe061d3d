// `format: debezium`: messages as the MySQL and MariaDB connectors of Debezium 3.5 write
// them with JsonConverter: keys, envelopes, tombstones, changes of keys as a delete and a
// create that name each other's key in a header, truncates, transaction metadata,
// heartbeats, schema changes. docs/formats.md lists what differs.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "format/codec.h"
#include "format/debezium/source_block.h"
#include "format/debezium/transactions.h"
#include "format/json/row_writer.h"
#include "format/topic_writer.h"

namespace leat::debezium {

class DebeziumEncoder final : public Encoder {
 public:
  explicit DebeziumEncoder(EncoderOptions options);

  Needs needs() const override;
  std::string TopicFor(const TableId& table) const override;
  Status Encode(const Batch& batch, const TakeRecords& take,
                std::vector<DeadLetter>* rejects) override;
  Status EncodeNotes(const Batch& batch, const TakeRecords& take) override;
  void Abort() override { transactions_.Abort(); }
  Result<std::shared_ptr<arrow::BinaryArray>> Keys(const Chunk& chunk,
                                                   bool before) override;

 private:
  // How the rows of one schema are written.
  struct Plan {
    Plan(const Chunk& chunk, const DebeziumEncoder& encoder);  // its names

    SchemaRef schema;  // keeps the pointer that finds it
    std::string topic;
    std::string connector;
    std::string table;  // as transaction metadata names it
    bool has_key = false;
    json::RowWriter key;
    json::RowWriter old_key;
    json::RowWriter row;
    json::RowWriter snapshot_row;
    json::RowWriter before;
    SourceBlock source;
    std::string key_start;    // {"schema":...,"payload":
    std::string value_start;  // the same of the value, and {"before":
    std::string end;          // what closes a message
    std::string headers;      // of a message whose key did not change
    bool from_meta = false;   // the source has said who it is
  };
  // A message's sides; -1: null.
  struct Sides {
    int64_t before = -1;
    bool before_is_row = false;  // a delete's is in Chunk::rows
    int64_t after = -1;
    char op = 'c';
  };
  struct Now {
    int64_t micros = 0;
    std::string text;  // ,"ts_ms":...}
  };

  Result<Plan*> PlanOf(const Chunk& chunk);
  Status WriteTopics(const Batch& batch, const Now& now, const TakeRecords& take);
  Status WriteRun(const OrderedRows& run, const Now& now, const TakeRecords& take);
  void WriteUpdate(const Chunk& chunk, int64_t row, int64_t update, Plan* plan,
                   const Now& now, RecordsBuilder* to);
  void WriteMessage(const Chunk& chunk, int64_t row, const Sides& sides, Plan* plan,
                    const Now& now, std::string_view key, std::string_view headers,
                    RecordsBuilder* to);
  Status WriteTruncate(const Event& event, const Now& now);
  void WriteSchemaChange(const Event& event);
  void WriteNotes(const Batch& batch);
  void WriteHeartbeat();
  std::vector<Header> Headers(const std::string& connector) const;
  std::string Headers(const Plan& plan, std::string_view name,
                      std::string_view key) const;
  static std::string_view KeyText(const json::RowWriter& writer, int64_t row,
                                  std::string* memory);

  const EncoderOptions options_;
  const std::string prefix_;
  const std::string run_id_;
  std::map<const TableSchema*, std::unique_ptr<Plan>> plans_;
  std::map<TableId, SchemaRef> latest_;  // as last announced or seen
  TopicWriter writer_;
  Transactions transactions_;
  std::string key_;
  std::string old_key_;
};

}  // namespace leat::debezium
