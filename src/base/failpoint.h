// Named steps at which a test can stop the program. Production code calls Durable()
// before and after whatever must survive a crash (a fsync, a catalog request); the call
// costs one relaxed load unless armed. Armed by a test's hook, or in a process of its own
// by LEAT_CRASH_AT=name[:n], which ends the process, as kill -9 would, at the n-th
// passing, or LEAT_STOP_AT=name[:n], which pauses it until SIGCONT.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace leat::failpoint {

// Passes the point. Not OK only when a test's hook says so.
Status Durable(std::string_view name);

// Test only: called at each point, from the passing thread; its error becomes the step's.
void SetHook(std::function<Status(std::string_view)> hook);
void ClearHook();

// Reads LEAT_CRASH_AT, else LEAT_STOP_AT. Called once by main().
void ArmFromEnvironment();

}  // namespace leat::failpoint
