// Asking the process that runs a project to do something, and waiting until it is done.
#pragma once

#include <sys/types.h>

#include <nlohmann/json_fwd.hpp>

#include "cli/shell.h"

namespace leat {

// As AskProject, of a process that runs; kConfig where none does.
Result<nlohmann::ordered_json> AskManager(const ProjectOptions& options,
                                          const nlohmann::ordered_json& request,
                                          const Shell& shell);

// A pipeline of the "status" answer. kConfig, with the names there are: there is none.
Result<nlohmann::ordered_json> AskPipeline(const ProjectOptions& options,
                                           const std::string& name, const Shell& shell);

// Has the manager do `command` to a pipeline, waits until it is in one of `states` or it
// failed, and prints what became of it.
int Bring(const std::string& command, const std::string& name,
          const std::vector<std::string>& states, const ProjectOptions& options,
          const Shell& shell);

// Ends the process that runs the project, and waits for it. OK where none does.
Status ShutDown(const ProjectOptions& options, const Shell& shell);

}  // namespace leat
