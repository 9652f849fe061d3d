// The S3 half of FileIo.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "wire/file_io.h"

namespace leat {

// `root`: s3://bucket[/prefix]. Starts Arrow's S3 once in the process.
Result<std::unique_ptr<FileIo>> MakeS3FileIo(std::string root, const S3Options& options);

}  // namespace leat
