#include "cli/signals.h"

#include <pthread.h>
#include <unistd.h>

#include "cli/shell.h"

namespace leat {

SignalWatch::SignalWatch(std::function<void()> first, std::function<void()> second)
    : first_(std::move(first)), second_(std::move(second)) {
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGINT);
  sigaddset(&watched_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &watched_, &before_);
  thread_ = std::thread([this] { Watch(); });
}

SignalWatch::~SignalWatch() {
  stop_.Cancel();
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalWatch::Watch() {
  const timespec step{0, 50'000'000};
  int seen = 0;
  while (!stop_.cancelled()) {
    if (sigtimedwait(&watched_, nullptr, &step) < 0) continue;
    seen++;
    if (seen == 1) first_();
    if (seen == 2) second_();
    if (seen > 2) _exit(kExitFailed);
  }
}

}  // namespace leat
