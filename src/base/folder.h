// Folders that outlive a crash of the machine: a file is only found again when the folder
// that names it, and that folder's own name, are on the disk too. Thread-safe. Errors:
// kConfig.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace leat {

// Makes the folder with what is missing above it, and fsyncs every name it made, and the
// folder's own in any case: a process before may have been killed in between.
Status MakeFolder(const std::filesystem::path& folder);

// Waits until the names in the folder are on the disk.
Status SyncFolder(const std::filesystem::path& folder);

}  // namespace leat
