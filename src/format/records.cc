#include "format/records.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace leat {
namespace {

void AppendVarint(int64_t value, std::string* out) {
  auto zigzag = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
  for (; zigzag >= 0x80; zigzag >>= 7) *out += static_cast<char>(zigzag | 0x80);
  *out += static_cast<char>(zigzag);
}

int64_t ReadVarint(ByteReader* in) {
  uint64_t zigzag = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = in->U8();
    zigzag |= uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80) == 0) break;
  }
  return static_cast<int64_t>(zigzag >> 1) ^ -static_cast<int64_t>(zigzag & 1);
}

int64_t BytesOf(const std::shared_ptr<arrow::BinaryArray>& column) {
  return column ? column->total_values_length() + 4 * column->length() : 0;
}

}  // namespace

int64_t Records::bytes() const {
  return BytesOf(keys) + BytesOf(values) + BytesOf(headers);
}

std::string Records::PlaceOf(int64_t record) const {
  const auto at = static_cast<size_t>(record);
  if (at >= offsets.size()) return topic;
  return fmt::format("{}[{}]@{}", topic, partitions[at], offsets[at]);
}

void AppendHeaders(const std::vector<Header>& headers, std::string* out) {
  AppendVarint(static_cast<int64_t>(headers.size()), out);
  for (const Header& header : headers) {
    AppendVarint(static_cast<int64_t>(header.name.size()), out);
    *out += header.name;
    AppendVarint(header.value ? static_cast<int64_t>(header.value->size()) : -1, out);
    if (header.value) *out += *header.value;
  }
}

Result<std::vector<Header>> ReadHeaders(std::string_view encoded) {
  std::vector<Header> headers;
  if (encoded.empty()) return headers;
  ByteReader in(encoded);
  const int64_t count = ReadVarint(&in);
  for (int64_t i = 0; i < count && !in.failed(); i++) {
    Header header;
    const int64_t name = ReadVarint(&in);
    if (name < 0) return Status::Data("a header of a record has no name");
    header.name = in.Bytes(static_cast<size_t>(name));
    const int64_t value = ReadVarint(&in);
    if (value >= 0) header.value = in.Bytes(static_cast<size_t>(value));
    headers.push_back(header);
  }
  if (in.failed()) return Status::Data("the headers of a record are cut off");
  return headers;
}

Result<std::vector<Header>> HeadersOf(const Records& records, int64_t record) {
  if (!records.headers || records.headers->IsNull(record)) return std::vector<Header>();
  return ReadHeaders(records.headers->GetView(record));
}

int64_t RecordsBuilder::bytes() const {
  return keys_.bytes() + values_.bytes() + headers_.bytes();
}

void RecordsBuilder::End(int64_t timestamp, bool has_key, bool has_value,
                         std::string_view headers) {
  has_key ? keys_.End() : keys_.EndNull();
  has_value ? values_.End() : values_.EndNull();
  if (!headers.empty() && !any_headers_) {
    any_headers_ = true;
    for (int64_t i = 0; i < size(); i++) headers_.EndNull();
  }
  if (any_headers_ && headers.empty()) {
    headers_.EndNull();
  } else if (any_headers_) {
    headers_.Append(headers);
    headers_.End();
  }
  timestamps_.push_back(timestamp);
}

void RecordsBuilder::Add(std::optional<std::string_view> key,
                         std::optional<std::string_view> value, int64_t timestamp,
                         const std::vector<Header>& headers) {
  if (key) keys_.Append(*key);
  if (value) values_.Append(*value);
  std::string encoded;
  if (!headers.empty()) AppendHeaders(headers, &encoded);
  End(timestamp, key.has_value(), value.has_value(), encoded);
}

void RecordsBuilder::Add(std::optional<std::string_view> key,
                         std::optional<std::string_view> value, int64_t timestamp,
                         std::string_view encoded_headers, int32_t partition,
                         int64_t offset) {
  if (key) keys_.Append(*key);
  if (value) values_.Append(*value);
  End(timestamp, key.has_value(), value.has_value(), encoded_headers);
  partitions_.push_back(partition);
  offsets_.push_back(offset);
}

Records RecordsBuilder::Finish() {
  Records records;
  records.topic = topic_;
  records.keys = keys_.Finish();
  records.values = values_.Finish();
  if (any_headers_) records.headers = headers_.Finish();
  any_headers_ = false;
  records.timestamps = std::exchange(timestamps_, {});
  records.partitions = std::exchange(partitions_, {});
  records.offsets = std::exchange(offsets_, {});
  return records;
}

}  // namespace leat
