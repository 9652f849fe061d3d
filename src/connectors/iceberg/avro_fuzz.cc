// Bytes of unknown origin as an Avro file, a manifest and a manifest list.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/iceberg/avro_reader.h"
#include "connectors/iceberg/manifest.h"
#include "connectors/iceberg/manifest_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace leat::iceberg;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto reader = AvroReader::Make(bytes);
  if (!reader.ok()) return 0;
  (void)reader->ForEach([](const AvroValue&) { return leat::Status::Ok(); });
  (void)DecodeManifest(bytes, ManifestFile());
  (void)DecodeManifestList(bytes);
  return 0;
}
