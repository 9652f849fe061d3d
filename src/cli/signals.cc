#include "cli/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "cli/shell.h"

namespace leat {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
constexpr char kSignal = 's';
constexpr char kHangUp = 'h';
constexpr char kEnd = 'e';

// Where the handler tells the watch: a handler may do little more than write.
std::atomic<int> wake_fd{-1};

void Handle(int signal) {
  int saved = errno;
  const char what = signal == SIGHUP ? kHangUp : kSignal;
  [[maybe_unused]] ssize_t n = write(wake_fd.load(), &what, 1);
  errno = saved;
}

}  // namespace

SignalWatch::SignalWatch(std::function<void()> first, std::function<void()> second,
                         std::function<void()> hang_up)
    : first_(std::move(first)), second_(std::move(second)), hang_up_(std::move(hang_up)) {
  if (pipe2(pipe_, O_CLOEXEC) != 0) return;  // signals then end the process at once
  wake_fd = pipe_[1];
  thread_ = std::thread([this] { Watch(); });
  struct sigaction action = {};
  action.sa_handler = Handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kSignals); i++) {
    if (kSignals[i] == SIGHUP && !hang_up_) continue;
    sigaction(kSignals[i], &action, &before_[i]);
  }
}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  for (size_t i = 0; i < std::size(kSignals); i++) {
    if (kSignals[i] == SIGHUP && !hang_up_) continue;
    sigaction(kSignals[i], &before_[i], nullptr);
  }
  [[maybe_unused]] ssize_t n = write(pipe_[1], &kEnd, 1);
  thread_.join();
  close(pipe_[0]);
  close(pipe_[1]);
}

void SignalWatch::Watch() {
  int seen = 0;
  for (char what = 0; read(pipe_[0], &what, 1) == 1 && what != kEnd;) {
    if (what == kHangUp) {
      hang_up_();
      continue;
    }
    seen++;
    if (seen == 1) first_();
    if (seen == 2) second_();
    if (seen > 2) _exit(kExitFailed);
  }
}

}  // namespace leat
