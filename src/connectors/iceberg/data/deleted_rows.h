// The rows that position-delete files name, by data file. Functions; any thread. Errors:
// those of ParquetReader.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/iceberg/metadata/data_file.h"
#include "wire/file_io.h"

namespace leat::iceberg {

// Sorted, each once.
using DeletedRows = std::map<std::string, std::vector<uint32_t>, std::less<>>;

// `wanted` chooses data files by location; null: all.
Result<DeletedRows> ReadDeletedRows(
    FileIo& files, std::span<const DataFile> deletes,
    const std::function<bool(const std::string&)>& wanted);

}  // namespace leat::iceberg
