#include "base/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace leat {

Waker::Waker() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Waker::~Waker() {
  if (fd_ >= 0) close(fd_);
}

void Waker::Wake() { eventfd_write(fd_, 1); }

void Waker::Clear() {
  eventfd_t count;
  eventfd_read(fd_, &count);
}

}  // namespace leat
