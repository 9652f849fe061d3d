#include "base/failpoint.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>

namespace leat::failpoint {
namespace {

constexpr int kKilled = 137;  // what a shell reports for a process ended by signal 9

std::atomic<bool> armed{false};
std::mutex mutex;
std::function<Status(std::string_view)> hook;

}  // namespace

Status Durable(std::string_view name) {
  if (!armed.load(std::memory_order_relaxed)) return Status::Ok();
  std::function<Status(std::string_view)> current;
  {
    std::lock_guard lock(mutex);
    current = hook;
  }
  return current ? current(name) : Status::Ok();
}

void SetHook(std::function<Status(std::string_view)> new_hook) {
  std::lock_guard lock(mutex);
  hook = std::move(new_hook);
  armed = true;
}

void ClearHook() {
  std::lock_guard lock(mutex);
  hook = nullptr;
  armed = false;
}

void ArmFromEnvironment() {
  const char* crash = std::getenv("LEAT_CRASH_AT");
  const char* stop = std::getenv("LEAT_STOP_AT");
  if (!crash && !stop) return;
  std::string name = crash ? crash : stop;
  int passings = 1;
  if (size_t colon = name.rfind(':'); colon != std::string::npos) {
    passings = std::atoi(name.c_str() + colon + 1);
    name.resize(colon);
  }
  static std::atomic<int> left;
  left = passings;
  SetHook([name, ends = crash != nullptr](std::string_view at) {
    if (at == name && --left == 0) {
      if (ends) _exit(kKilled);
      raise(SIGSTOP);
    }
    return Status::Ok();
  });
}

}  // namespace leat::failpoint
