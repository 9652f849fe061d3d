#include "connectors/topic/kafka/partition_reader.h"

#include <algorithm>

namespace leat::topic::kafka {
namespace {

std::optional<std::string_view> Bytes(const void* data, size_t size) {
  if (!data) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

void EncodeHeaders(const rd_kafka_message_t& message, std::string* out) {
  out->clear();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  std::vector<Header> list;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                     RD_KAFKA_RESP_ERR_NO_ERROR;
       i++) {
    list.push_back({name, Bytes(value, size)});
  }
  AppendHeaders(list, out);
}

}  // namespace

Fetched Fetched::From(const rd_kafka_message_t& message, std::string* headers) {
  EncodeHeaders(message, headers);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  return {message.partition,
          message.offset,
          std::max<int64_t>(0, rd_kafka_message_timestamp(&message, &type)),
          Bytes(message.key, message.key_len),
          Bytes(message.payload, message.len),
          *headers};
}

void PartitionReader::Restart(int64_t offset, std::map<TableId, int64_t> floors) {
  builder_.Finish();
  runs_.clear();
  floors_ = std::move(floors);
  std::erase_if(floors_, [&](const auto& floor) { return floor.second <= offset; });
  next_ = told_ = offset;
}

void PartitionReader::Add(const Fetched& record) {
  if (record.offset < next_) return;
  if (!floors_.empty()) CutAtFloor(record.offset);
  if (builder_.size() == 0) first_ = record.offset;
  builder_.Add(record.key, record.value, record.time, record.headers, record.partition,
               record.offset);
  next_ = record.offset + 1;
  newest_ = std::max(newest_, record.time);
}

void PartitionReader::CutAtFloor(int64_t offset) {
  if (builder_.size() == 0) return;
  const bool crossed = std::ranges::any_of(floors_, [&](const auto& floor) {
    return first_ < floor.second && floor.second <= offset;
  });
  if (crossed) runs_.push_back(builder_.Finish());
}

void PartitionReader::AtEnd(int64_t offset) { next_ = std::max(next_, offset); }

Result<Batch> PartitionReader::Take(const ShardId& shard, Decoder& decoder) {
  Batch batch;
  batch.shard = shard;
  Records records;
  if (!runs_.empty()) {
    records = std::move(runs_.front());
    runs_.pop_front();
  } else if (builder_.size() > 0) {
    records = builder_.Finish();
  }
  const bool last = runs_.empty() && builder_.size() == 0;
  const int64_t end = last ? next_ : records.offsets.back() + 1;
  if (records.size() > 0) {
    RETURN_IF_ERROR(decoder.Decode(records, &batch));
    batch.bytes = std::max(batch.bytes, records.bytes());
    if (!floors_.empty()) LeaveOut(records.offsets.front(), &batch);
  }
  batch.end = Place{end, decoder.State()}.ToPosition();
  batch.boundary = true;
  told_ = end;
  std::erase_if(floors_, [&](const auto& floor) { return floor.second <= end; });
  return batch;
}

void PartitionReader::LeaveOut(int64_t offset, Batch* batch) const {
  auto has_it = [&](const TableId& table) {
    auto floor = floors_.find(table);
    return floor != floors_.end() && offset < floor->second;
  };
  std::erase_if(batch->chunks, [&](const Chunk& c) { return has_it(c.schema->id); });
  std::erase_if(batch->events, [&](const Event& e) {
    return e.kind != Event::Kind::kSchema && has_it(e.table);
  });
}

}  // namespace leat::topic::kafka
