// SIGINT and SIGTERM of the process while one of these lives: the first and the second
// call what they were given, from the watch's own thread; the third ends the process.
// SIGHUP calls what was given for it; without, it is left alone.
// One at a time. It works whichever threads were there before: libraries start some as
// they are loaded, so a mask that threads inherit would come too late.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

namespace leat {

class SignalWatch {
 public:
  SignalWatch(std::function<void()> first, std::function<void()> second,
              std::function<void()> hang_up = nullptr);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void Watch();

  const std::function<void()> first_;
  const std::function<void()> second_;
  const std::function<void()> hang_up_;
  int pipe_[2] = {-1, -1};
  struct sigaction before_[3] = {};
  std::thread thread_;
};

}  // namespace leat
