// Bytes of unknown origin as table metadata; what is understood is written and read
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "connectors/iceberg/metadata/metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace leat::iceberg;
  auto metadata =
      TableMetadata::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!metadata.ok()) return 0;
  if (!TableMetadata::Parse(metadata->ToJson()).ok()) std::abort();
  return 0;
}
