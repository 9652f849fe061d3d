#include "base/retry.h"

#include <algorithm>

namespace leat {

Millis Backoff::Next() {
  std::uniform_int_distribution<int64_t> draw(0, bound_.count());
  Millis wait(draw(random_));
  bound_ = std::min(bound_ * 2, longest_);
  return wait;
}

}  // namespace leat
