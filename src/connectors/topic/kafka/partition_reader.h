// PartitionReader: the records of one partition that were fetched and not yet handed on,
// and how far it is. Owned by the source, its thread only.
#pragma once

#include <librdkafka/rdkafka.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/topic/kafka/client.h"
#include "connectors/topic/kafka/shard.h"
#include "data/batch.h"
#include "format/codec.h"

namespace leat::topic::kafka {

// A record as the client lends it.
struct Fetched {
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t time = 0;  // milliseconds since 1970 UTC
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::string_view headers;  // as Records has them

  // `headers` is where they are encoded.
  static Fetched From(const rd_kafka_message_t& message, std::string* headers);
};

class PartitionReader {
 public:
  explicit PartitionReader(const Partition& partition) : builder_(partition.topic) {}

  // From here on; what was fetched before is dropped. A table's records before its floor
  // are left out.
  void Restart(int64_t offset, std::map<TableId, int64_t> floors);
  void Add(const Fetched& record);
  // There is nothing before this offset that was not fetched.
  void AtEnd(int64_t offset);

  // Something can be handed on.
  bool ready() const { return !runs_.empty() || next_ > told_; }
  int64_t next() const { return next_; }
  int64_t newest() const { return newest_; }  // time of a record, milliseconds
  // What was fetched, decoded, with the position behind it.
  Result<Batch> Take(const ShardId& shard, Decoder& decoder);

 private:
  void CutAtFloor(int64_t offset);
  void LeaveOut(int64_t offset, Batch* batch) const;

  RecordsBuilder builder_;
  std::deque<Records> runs_;  // before builder_; each on one side of every floor
  std::map<TableId, int64_t> floors_;
  int64_t first_ = 0;  // offset of the builder's first record
  int64_t next_ = 0;   // offset behind what was fetched
  int64_t told_ = 0;   // offset behind what was handed on
  int64_t newest_ = 0;
};

}  // namespace leat::topic::kafka
