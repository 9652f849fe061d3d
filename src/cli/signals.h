// SIGINT and SIGTERM of the process while one of these lives: the first and the second
// call what they were given, from the watch's own thread; the third ends the process.
// Create it before any other thread: they inherit that they do not see the signals.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

#include "base/clock.h"

namespace leat {

class SignalWatch {
 public:
  SignalWatch(std::function<void()> first, std::function<void()> second);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void Watch();

  const std::function<void()> first_;
  const std::function<void()> second_;
  sigset_t watched_{};
  sigset_t before_{};
  CancelToken stop_;
  std::thread thread_;
};

}  // namespace leat
