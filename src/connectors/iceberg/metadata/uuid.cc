#include "connectors/iceberg/metadata/uuid.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>

namespace leat::iceberg {
namespace {

// From the system, so that two processes started from one image differ.
std::array<uint64_t, 2> Random() {
  std::array<uint64_t, 2> bits;
  // Up to 256 bytes are never cut short once the system is up.
  while (::getrandom(bits.data(), sizeof(bits), 0) != sizeof(bits)) {
  }
  return bits;
}

}  // namespace

std::string NewUuid() {
  auto [high, low] = Random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32,
                     (high >> 16) & 0xffff, high & 0xfff, (low >> 48 & 0x3fff) | 0x8000,
                     low & 0xffffffffffff);
}

int64_t NewSnapshotId() { return static_cast<int64_t>(Random()[0] & INT64_MAX); }

}  // namespace leat::iceberg
