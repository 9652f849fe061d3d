// Project: the pipelines that a path on the command line stands for, read and checked. A
// project is a folder with leat.yaml (what pipelines share) and pipelines/*.yaml (one
// pipeline a file). Constant after loading; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/alert_settings.h"
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
  // The process's own, for the others' sake: on embedded topics whatever the broker is;
  // what becomes of it says nothing about the project.
  bool internal = false;
  PartUse from;
  std::vector<PartUse> steps;
  PartUse to;
  Policies policies;
};

struct Project {
  std::filesystem::path folder;
  ProjectSettings settings;
  ApiSettings api;
  AlertSettings alerts;
  std::vector<PipelineFile> pipelines;
};

// What the fields of pipelines/*.yaml and of leat.yaml are. The former's `from`, `steps`
// and `to` are the parts of the registry.
Spec PipelineSpec(const Registry& registry);
Spec ProjectSpec(const Registry& registry);

// Each path is a pipeline file or a project's folder. Everything that is wrong with any
// of the files is added to `diagnostics`, sorted by place; the project is whole only when
// nothing was.
Project LoadProject(const std::vector<std::string>& paths, const Registry& registry,
                    const Environment& environment, Diagnostics* diagnostics);

// The settings of a project for a command that needs nothing else: `path` or the folders
// above a file, as LoadProject finds it. leat.yaml alone is read.
Result<ProjectSettings> LoadSettings(const std::string& path, const Registry& registry,
                                     const Environment& environment);
// How a topic is declared, in leat.yaml and in sinks that create it.
std::vector<Field> TopicFields();
TopicSettings TopicSettingsOf(const Config& config);

}  // namespace leat
