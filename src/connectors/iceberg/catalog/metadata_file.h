// What catalogs that keep metadata in files share. Errors: those of FileIo.
#pragma once

#include <string>

#include "base/status.h"
#include "connectors/iceberg/metadata/metadata.h"
#include "wire/file_io.h"

namespace leat::iceberg {

// 7 for ".../00007-<uuid>.metadata.json" and ".../v7.metadata.json"; -1: another name.
int MetadataVersion(const std::string& location);

Result<TableMetadata> ReadMetadata(FileIo& files, const std::string& location);

// After a commit: removes what LogPrevious said fell out, where the table's properties
// (write.metadata.delete-after-commit.enabled) ask for it. Failing is harmless: the
// orphan sweep finds what is left.
void RemoveOldMetadata(FileIo& files, const TableMetadata& metadata,
                       const std::vector<std::string>& fell_out);

}  // namespace leat::iceberg
