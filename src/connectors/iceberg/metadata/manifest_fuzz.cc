// Bytes of unknown origin as a manifest and a manifest list.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/iceberg/metadata/manifest.h"
#include "connectors/iceberg/metadata/manifest_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace leat::iceberg;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)DecodeManifest(bytes, ManifestFile());
  (void)DecodeManifestList(bytes);
  return 0;
}
