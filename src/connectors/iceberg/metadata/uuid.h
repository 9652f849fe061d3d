// Random names that nobody else chooses. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace leat::iceberg {

std::string NewUuid();    // version 4, "2b9e3a0c-..."
int64_t NewSnapshotId();  // positive, as every engine makes them

}  // namespace leat::iceberg
