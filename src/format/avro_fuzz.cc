// Bytes of unknown origin as an Avro file.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/avro_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto reader = leat::AvroReader::Make(bytes);
  if (!reader.ok()) return 0;
  (void)reader->ForEach([](const leat::AvroValue&) { return leat::Status::Ok(); });
  return 0;
}
