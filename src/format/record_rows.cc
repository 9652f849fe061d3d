#include "format/record_rows.h"

#include <arrow/api.h>
#include <arrow/util/utf8.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "format/batch_order.h"
#include "format/byte_column.h"
#include "format/json/text.h"

namespace leat {
namespace {

std::string Base64Text(std::string_view bytes) {
  std::string out(json::Base64Most(bytes.size()), '\0');
  json::WriteBase64(bytes, out.data());
  return out;
}

// ,"name":"text"
void AppendBytes(std::string_view name, std::optional<std::string_view> bytes,
                 std::string* out) {
  if (!bytes) {
    *out += fmt::format(",\"{}\":null", name);
  } else if (IsUtf8(*bytes)) {
    *out += fmt::format(",\"{}\":{}", name, json::Quoted(*bytes));
  } else {
    *out += fmt::format(",\"{}_base64\":\"{}\"", name, Base64Text(*bytes));
  }
}

std::optional<std::string_view> BytesAt(const arrow::BinaryArray& column, int64_t i) {
  if (column.IsNull(i)) return std::nullopt;
  return column.GetView(i);
}

void AppendHeaderList(const Records& records, int64_t record, std::string* out) {
  const auto headers = HeadersOf(records, record);
  if (!headers.ok()) {
    *out += fmt::format(",\"headers_base64\":\"{}\"",
                        Base64Text(records.headers->GetView(record)));
    return;
  }
  if (headers->empty()) return;
  std::string list;
  for (const Header& header : *headers) {
    list += list.empty() ? "{\"name\":" : ",{\"name\":";
    list += json::Quoted(header.name);
    AppendBytes("value", header.value, &list);
    list += '}';
  }
  *out += ",\"headers\":[" + list + "]";
}

std::shared_ptr<arrow::Array> TakeBytes(const std::shared_ptr<arrow::BinaryArray>& from,
                                        const std::vector<int64_t>& taken) {
  ByteColumn out;
  for (const int64_t i : taken) {
    const bool null = !from || from->IsNull(i);
    if (!null) out.Append(from->GetView(i));
    null ? out.EndNull() : out.End();
  }
  return out.Finish();
}

// Of records that were not read from anywhere all are null.
template <typename Builder, typename T>
Result<std::shared_ptr<arrow::Array>> TakeNumbers(const std::vector<T>& from,
                                                  const std::vector<int64_t>& taken) {
  Builder builder;
  arrow::Status status = builder.Reserve(static_cast<int64_t>(taken.size()));
  for (size_t i = 0; i < taken.size() && status.ok(); i++) {
    const auto at = static_cast<size_t>(taken[i]);
    status = at < from.size() ? builder.Append(from[at]) : builder.AppendNull();
  }
  auto made = builder.Finish();
  if (!status.ok() || !made.ok()) return Status::Transient("out of memory");
  return *made;
}

Result<std::shared_ptr<arrow::RecordBatch>> MetaOf(const Records& records,
                                                   const std::vector<int64_t>& taken) {
  static const auto schema = arrow::schema({arrow::field("_key", arrow::binary()),
                                            arrow::field("_headers", arrow::binary()),
                                            arrow::field("_partition", arrow::int32()),
                                            arrow::field("_offset", arrow::int64())});
  ASSIGN_OR_RETURN(auto partitions,
                   TakeNumbers<arrow::Int32Builder>(records.partitions, taken));
  ASSIGN_OR_RETURN(auto offsets,
                   TakeNumbers<arrow::Int64Builder>(records.offsets, taken));
  return arrow::RecordBatch::Make(
      schema, static_cast<int64_t>(taken.size()),
      {TakeBytes(records.keys, taken), TakeBytes(records.headers, taken), partitions,
       offsets});
}

}  // namespace

bool IsUtf8(std::string_view bytes) {
  arrow::util::InitializeUTF8();
  return arrow::util::ValidateUTF8(reinterpret_cast<const uint8_t*>(bytes.data()),
                                   static_cast<int64_t>(bytes.size()));
}

int64_t BoundedMicros(int64_t millis) {
  constexpr int64_t kMost = INT64_MAX / 2000;
  return std::clamp(millis, -kMost, kMost) * 1000;
}

int64_t MicrosOf(const Records& records, int64_t record) {
  return BoundedMicros(records.timestamps[static_cast<size_t>(record)]);
}

void Announce(SchemaRef schema, uint32_t seq, Batch* out) {
  Event event;
  event.kind = Event::Kind::kSchema;
  event.seq = seq;
  event.table = schema->id;
  event.schema = std::move(schema);
  out->events.push_back(std::move(event));
}

Status AddRecordRows(const Records& records, const std::vector<int64_t>& taken, bool meta,
                     Chunk chunk, Batch* out) {
  if (taken.empty()) return Status::Ok();
  if (chunk.time.empty()) {
    for (const int64_t i : taken) {
      chunk.time.push_back(MicrosOf(records, i));
    }
  }
  if (chunk.seq.empty()) {
    uint32_t seq = NextSeq(*out);
    for (size_t i = 0; i < taken.size(); i++) chunk.seq.push_back(seq++);
  }
  for (const int64_t time : chunk.time) {
    out->source_time = std::max(out->source_time, time);
  }
  if (meta) {
    ASSIGN_OR_RETURN(chunk.meta, MetaOf(records, taken));
  }
  // Of the records that this chunk came from, as their share.
  out->bytes += records.bytes() * static_cast<int64_t>(taken.size()) / records.size();
  out->chunks.push_back(std::move(chunk));
  return Status::Ok();
}

std::string RecordText(const Records& records, int64_t record) {
  const auto at = static_cast<size_t>(record);
  std::string out = "{\"topic\":" + json::Quoted(records.topic);
  if (at < records.offsets.size()) {
    out += fmt::format(",\"partition\":{},\"offset\":{}", records.partitions[at],
                       records.offsets[at]);
  }
  out += fmt::format(",\"timestamp\":{}", records.timestamps[at]);
  AppendBytes("key", BytesAt(*records.keys, record), &out);
  AppendBytes("value", BytesAt(*records.values, record), &out);
  AppendHeaderList(records, record, &out);
  return out + "}";
}

DeadLetter RejectRecord(const Records& records, int64_t record, std::string_view reason) {
  DeadLetter letter;
  letter.table = records.topic;
  letter.reason = fmt::format("{}: {}", records.PlaceOf(record), reason);
  letter.time = MicrosOf(records, record);
  letter.row = RecordText(records, record);
  return letter;
}

}  // namespace leat
