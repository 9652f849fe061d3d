// Whether two readings of a file mean the same: what a reload does not have to restart.
// Any thread.
#pragma once

#include "core/pipeline_file.h"

namespace leat {

// True when every field has the same value, wherever in the file it stands and whether it
// is written or a default. Both were read against `fields`.
bool SameConfig(const Config& a, const Config& b, const std::vector<Field>& fields);

// The same of two pipelines whose parts are the registry's.
bool SamePipeline(const PipelineFile& a, const PipelineFile& b, const Registry& registry);

// Broker, topics and folder; of two projects.
bool SameSettings(const ProjectSettings& a, const ProjectSettings& b);

}  // namespace leat
