// Project: the pipelines that a path on the command line stands for, read and checked. A
// project is a folder with leat.yaml (what pipelines share) and pipelines/*.yaml (one
// pipeline a file). Constant after loading; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/api_settings.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/policies.h"
#include "core/project_settings.h"
#include "core/registry.h"

namespace leat {

// A source, step or sink by its name in the registry, with its fields.
struct PartUse {
  std::string name;
  Config config;
};

struct PipelineFile {
  std::string name;
  std::string file;
  PartUse from;
  std::vector<PartUse> steps;
  PartUse to;
  Policies policies;
};

struct Project {
  std::filesystem::path folder;
  ProjectSettings settings;
  ApiSettings api;
  std::vector<PipelineFile> pipelines;
};

// What the fields of pipelines/*.yaml and of leat.yaml are. The former's `from`, `steps`
// and `to` are the parts of the registry.
Spec PipelineSpec(const Registry& registry);
Spec ProjectSpec();

// Each path is a pipeline file or a project's folder. Everything that is wrong with any
// of the files is added to `diagnostics`, sorted by place; the project is whole only when
// nothing was.
Project LoadProject(const std::vector<std::string>& paths, const Registry& registry,
                    const Environment& environment, Diagnostics* diagnostics);

// The settings of a project for a command that needs nothing else: `path` or the folders
// above a file, as LoadProject finds it. leat.yaml alone is read.
Result<ProjectSettings> LoadSettings(const std::string& path,
                                     const Environment& environment);
// How a topic is declared, in leat.yaml and in sinks that create it.
std::vector<Field> TopicFields();
TopicSettings TopicSettingsOf(const Config& config);

}  // namespace leat
