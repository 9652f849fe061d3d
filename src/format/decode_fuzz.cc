// Bytes of unknown origin as records of every format: the first byte picks it, and how it
// is read; then a key and headers, each behind its length, and values. Every record
// becomes rows or a dead letter, and what was read is written again, as JSON that is
// JSON. Of Avro, whose schemas are elsewhere, the key is the schema.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "format/avro/mapping.h"
#include "format/codec.h"
#include "format/json/columns.h"

namespace {

using leat::DecoderOptions;

DecoderOptions Options(uint8_t choice) {
  constexpr const char* kNames[] = {"debezium", "csv", "cloudevents", "json", "raw"};
  DecoderOptions options;
  options.format.name = kNames[choice % 8 % 5];
  options.meta = (choice & 0x20) != 0;
  if ((choice & 0x40) != 0) {
    auto columns = leat::ParseColumns(
        "id bigint not null, s string, d decimal(20,3), t timestamp(6), z timestamptz, "
        "da date, ti time, b binary, f double, r float, i int, x boolean");
    if (!columns.ok()) std::abort();
    options.format.columns = *std::move(columns);
    options.format.key = {"id"};
  }
  options.format.csv.header = (choice & 0x80) != 0;
  return options;
}

std::string_view Take(std::string_view* bytes) {
  if (bytes->empty()) return {};
  const size_t size =
      std::min<size_t>(static_cast<uint8_t>((*bytes)[0]), bytes->size() - 1);
  const std::string_view taken = bytes->substr(1, size);
  bytes->remove_prefix(1 + size);
  return taken;
}

std::unique_ptr<leat::Encoder> Writer(const char* name) {
  leat::EncoderOptions options;
  options.format.name = name;
  options.topic = "out.{table}";
  options.clock = &leat::Clock::System();
  auto encoder = leat::MakeEncoder(std::move(options));
  if (!encoder.ok()) std::abort();
  return *std::move(encoder);
}

void Write(const char* name, const leat::Batch& batch) {
  std::vector<leat::DeadLetter> letters;
  const auto check = [](const leat::Records& records) {
    for (int64_t i = 0; i < records.size(); i++) {
      const auto& values = *records.values;
      if (values.IsValid(i) && !nlohmann::json::accept(values.GetView(i))) std::abort();
    }
    return leat::Status::Ok();
  };
  (void)Writer(name)->Encode(batch, check, &letters);
}

void ReadAvro(std::string_view text, std::string_view datum) {
  auto schema = leat::AvroSchema::Parse(text);
  if (!schema.ok()) return;
  auto columns = leat::avro::ColumnsOf(*schema);
  auto value = leat::ReadAvroDatum(*schema, datum);
  if (!columns.ok() || !value.ok()) return;
  leat::json::Columns rows(leat::TableSchema::Make({"", "", "t"}, *columns, {}));
  std::vector<std::string> memory(columns->size());
  for (size_t i = 0; i < columns->size(); i++) {
    leat::json::Value read;
    if (!leat::avro::ToValue(*schema, value->items[i], &read, &memory[i])) return;
    if (!rows.Set(i, read).ok()) return;
  }
  if (!rows.Add(/*partly=*/false).ok()) std::abort();
  auto batch = rows.Finish();
  if (!batch.ok() || !(*batch)->ValidateFull().ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  bytes.remove_prefix(1);
  const std::string_view key = Take(&bytes);
  const std::string_view headers = Take(&bytes);
  if (data[0] % 8 == 7) {
    ReadAvro(key, bytes);
    return 0;
  }
  auto decoder = leat::MakeDecoder(Options(data[0]));
  if (!decoder.ok()) return 0;
  leat::RecordsBuilder builder("t");
  int64_t offset = 0;
  // Anybody can write any time.
  const int64_t timestamp = (data[0] & 0x10) != 0 ? INT64_MAX : 1000;
  // Several values, so that shapes change: a record separator stands between them.
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\x1e'), bytes.size());
    const bool null = end == 0;
    builder.Add(key, null ? std::nullopt : std::optional(bytes.substr(0, end)), timestamp,
                headers, 0, offset++);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  if (offset == 0) return 0;
  leat::Batch batch;
  if (!(*decoder)->Decode(builder.Finish(), &batch).ok()) return 0;
  for (const leat::Chunk& chunk : batch.chunks) {
    if (!chunk.rows->ValidateFull().ok()) std::abort();
    if (chunk.before && !chunk.before->ValidateFull().ok()) std::abort();
    if (chunk.ops.size() != chunk.seq.size() || chunk.ops.size() != chunk.time.size() ||
        static_cast<int64_t>(chunk.ops.size()) != chunk.size()) {
      std::abort();
    }
  }
  for (const char* name : {"json", "debezium"}) Write(name, batch);
  (void)(*decoder)->Restore((*decoder)->State());
  return 0;
}
