// Time, and waiting that can be cut short. Production code takes a Clock& so that tests
// of timeouts, backoff and breakers run on a fake one. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>

namespace leat {

using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

// Set once, from any thread; wakes whoever waits on it.
class CancelToken {
 public:
  void Cancel();
  bool cancelled() const;
  // True if cancelled before the time was up.
  bool WaitFor(std::chrono::nanoseconds duration) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool cancelled_ = false;
};

class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back: for deadlines, backoff, rates.
  virtual SteadyTime Now() const = 0;
  // Microseconds since 1970 UTC; may jump. For timestamps that users see only.
  virtual int64_t WallMicros() const = 0;
  // Waits; true if `cancel` came first.
  virtual bool Sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) = 0;

  static Clock& System();
};

// Milliseconds since 1970 UTC, by the system's clock.
int64_t NowMillis();

// 2024-01-02T10:11:12 in UTC, with that letter between date and time; seconds since 1970.
std::string UtcText(int64_t seconds, char between);

// Time stands still until Advance; Sleep advances it at once, unless cancelled.
class FakeClock final : public Clock {
 public:
  SteadyTime Now() const override;
  int64_t WallMicros() const override;
  bool Sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override;
  void Advance(std::chrono::nanoseconds duration);
  void JumpWall(Micros by);

 private:
  mutable std::mutex mutex_;
  SteadyTime now_{};
  Micros wall_{1'700'000'000'000'000};
};

}  // namespace leat
