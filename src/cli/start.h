// Starting a project as a daemon, for leat start and leat restart.
#pragma once

#include "cli/serving.h"

namespace leat {

struct StartOptions {
  ProjectPlace place;
  std::string log_level = "info";
  bool foreground = false;
};

// Detaches only after the files were checked and the store opened, so that the caller
// sees what is wrong, and answers the exit code.
int Start(const StartOptions& options, const Shell& shell);

}  // namespace leat
