// What commands ask of a manager through the control socket (runtime/control.h). Requests
// and answers are JSON objects:
//
//   start, stop, restart, pause, resume, reset   name -> state: of the pipeline as of now
//   shutdown                              everything ends, and the process with it
//   reload                                -> started, restarted, stopped: [NAME, ...]
//
// Each answers as soon as it is on its way; "status" tells how far it is.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runtime/manager.h"

namespace leat {

// Reads the project's files anew and has the manager go over to them.
using ReloadFunction = std::function<Result<Reloaded>()>;

// True for the commands above.
bool IsManagerRequest(std::string_view command);

// Thread-safe. kConfig for a name there is not, and for what cannot be done now.
Result<std::string> AnswerManager(Manager& manager, const ReloadFunction& reload,
                                  const std::string& command, std::string_view request);

}  // namespace leat
