// Records of a topic as they travel: keys, values, headers and times in columns, whatever
// the broker and whatever the format. Immutable once built; the Arrow arrays are shared.
// A builder is owned by one thread.
#pragma once

#include <arrow/array/array_binary.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "format/byte_column.h"

namespace leat {

// A run of records of one topic, in its order.
struct Records {
  std::string topic;
  std::shared_ptr<arrow::BinaryArray> keys;    // null: the record has no key
  std::shared_ptr<arrow::BinaryArray> values;  // null: a tombstone
  // Encoded as in Kafka's record format v2 (see Header); nullptr: no record has any.
  std::shared_ptr<arrow::BinaryArray> headers;
  std::vector<int64_t> timestamps;  // milliseconds since 1970 UTC, one for each record
  // Where each was read; empty in records that are to be written.
  std::vector<int32_t> partitions;
  std::vector<int64_t> offsets;

  int64_t size() const { return values ? values->length() : 0; }
  // Memory of keys, values and headers.
  int64_t bytes() const;
  // "topic[partition]@offset" of a record, for messages.
  std::string PlaceOf(int64_t record) const;
};

// One header. Several of one record are encoded one after the other, behind their count:
// zigzag varints for count and lengths, -1 for a value that is null (Kafka's KIP-98).
struct Header {
  std::string_view name;
  std::optional<std::string_view> value;
};
void AppendHeaders(const std::vector<Header>& headers, std::string* out);
// The headers point into `encoded`. kData for what was not encoded so.
Result<std::vector<Header>> ReadHeaders(std::string_view encoded);
// The headers of a record of `records`; none when there are none.
Result<std::vector<Header>> HeadersOf(const Records& records, int64_t record);

// Writes records one by one: the bytes of key and value go into the columns themselves.
class RecordsBuilder {
 public:
  explicit RecordsBuilder(std::string topic) : topic_(std::move(topic)) {}

  const std::string& topic() const { return topic_; }
  int64_t size() const { return static_cast<int64_t>(timestamps_.size()); }
  int64_t bytes() const;

  // What is written to key and value between two Ends is the next record's.
  ByteColumn& key() { return keys_; }
  ByteColumn& value() { return values_; }
  void End(int64_t timestamp, bool has_key, bool has_value,
           std::string_view headers = {});

  void Add(std::optional<std::string_view> key, std::optional<std::string_view> value,
           int64_t timestamp, const std::vector<Header>& headers = {});
  // What was read, with its place.
  void Add(std::optional<std::string_view> key, std::optional<std::string_view> value,
           int64_t timestamp, std::string_view encoded_headers, int32_t partition,
           int64_t offset);

  // The records so far; the builder is empty again.
  Records Finish();

 private:
  std::string topic_;
  ByteColumn keys_;
  ByteColumn values_;
  ByteColumn headers_;
  bool any_headers_ = false;
  std::vector<int64_t> timestamps_;
  std::vector<int32_t> partitions_;
  std::vector<int64_t> offsets_;
};

}  // namespace leat
