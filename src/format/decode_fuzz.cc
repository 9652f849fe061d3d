// Bytes of unknown origin as records of every format: the first byte picks it, and how it
// is read; then a key and a value, each behind its length.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/codec.h"

namespace {

using leat::DecoderOptions;

DecoderOptions Options(uint8_t choice) {
  constexpr const char* kNames[] = {"debezium", "csv", "cloudevents", "json", "raw"};
  DecoderOptions options;
  options.format.name = kNames[choice % 5];
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto decoder = leat::MakeDecoder(Options(data[0]));
  if (!decoder.ok()) return 0;
  bytes.remove_prefix(1);
  const std::string_view key = Take(&bytes);
  const std::string_view headers = Take(&bytes);
  leat::RecordsBuilder builder("t");
  int64_t offset = 0;
  // Several values, so that shapes change: a record separator stands between them.
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\x1e'), bytes.size());
    const bool null = end == 0;
    builder.Add(key, null ? std::nullopt : std::optional(bytes.substr(0, end)), 1000,
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
  (void)(*decoder)->Restore((*decoder)->State());
  return 0;
}
