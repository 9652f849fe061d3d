// Wakes a thread that waits for sockets: its descriptor is readable from Wake on until
// Clear. Owned by whoever waits; Wake may be called by any thread, and before the wait.
#pragma once

namespace leat {

class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  int fd() const { return fd_; }  // -1 when there was none to have: then nothing wakes
  void Wake();
  void Clear();

 private:
  const int fd_;
};

}  // namespace leat
