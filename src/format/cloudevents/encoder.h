// `format: cloudevents`: each change an event of CloudEvents 1.0, its data the row as
// JSON; of a delete the row that was. An update that changes the key is an event .deleted
// and one .created. Ids come from where the source read the change (its log, its topic),
// or, where it does not say, from the change itself: a change that is written again has
// the same id.
// Source: the CloudEvents 1.0.2 specification, its JSON format and its Kafka binding.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "format/codec.h"
#include "format/json/row_writer.h"
#include "format/topic_writer.h"

namespace leat::cloudevents {

class CloudEventsEncoder final : public Encoder {
 public:
  explicit CloudEventsEncoder(EncoderOptions options) : options_(std::move(options)) {}

  Needs needs() const override { return {Needs::Before::kFull, /*meta=*/true}; }
  std::string TopicFor(const TableId& table) const override;
  Status Encode(const Batch& batch, const TakeRecords& take,
                std::vector<DeadLetter>* rejects) override;
  Result<std::shared_ptr<arrow::BinaryArray>> Keys(const Chunk& chunk,
                                                   bool before) override;

 private:
  // How the rows of one schema are written.
  struct Plan {
    SchemaRef schema;  // keeps the pointer that finds it
    std::string topic;
    std::string source;  // the attribute
    bool has_key = false;
    json::RowWriter key;
    json::RowWriter old_key;
    json::RowWriter row;
    json::RowWriter before;
  };
  struct Event {
    std::string_view kind;  // "created"
    std::string_view key;   // "": none
    std::string id;         // "": made of what it says
    int64_t micros = 0;
    std::string_view data;
  };
  Result<Plan*> PlanOf(const SchemaRef& schema);
  Status WriteRun(const OrderedRows& run, Plan* plan, RecordsBuilder* to,
                  const TakeRecords& take);
  void Write(const Plan& plan, Event event, RecordsBuilder* to) const;

  const EncoderOptions options_;
  std::map<const TableSchema*, Plan> plans_;
  TopicWriter writer_;
  std::string key_;
  std::string old_key_;
  std::string data_;
};

}  // namespace leat::cloudevents
