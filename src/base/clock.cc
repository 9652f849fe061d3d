#include "base/clock.h"

#include <fmt/format.h>

#include <ctime>

namespace leat {
namespace {

class SystemClock final : public Clock {
 public:
  SteadyTime Now() const override { return std::chrono::steady_clock::now(); }
  int64_t WallMicros() const override {
    return std::chrono::duration_cast<Micros>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  bool Sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override {
    return cancel.WaitFor(duration);
  }
};

}  // namespace

void CancelToken::Cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

bool CancelToken::cancelled() const {
  std::lock_guard lock(mutex_);
  return cancelled_;
}

bool CancelToken::WaitFor(std::chrono::nanoseconds duration) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, duration, [this] { return cancelled_; });
}

int64_t NowMillis() { return Clock::System().WallMicros() / 1000; }

std::string UtcText(int64_t seconds, char between) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, between, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
}

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

SteadyTime FakeClock::Now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

int64_t FakeClock::WallMicros() const {
  std::lock_guard lock(mutex_);
  return wall_.count();
}

bool FakeClock::Sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) {
  if (cancel.cancelled()) return true;
  Advance(duration);
  return false;
}

void FakeClock::Advance(std::chrono::nanoseconds duration) {
  std::lock_guard lock(mutex_);
  now_ += duration;
  wall_ += std::chrono::duration_cast<Micros>(duration);
}

void FakeClock::JumpWall(Micros by) {
  std::lock_guard lock(mutex_);
  wall_ += by;
}

}  // namespace leat
