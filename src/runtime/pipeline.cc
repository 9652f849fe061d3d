#include "runtime/pipeline.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "base/retry.h"
#include "runtime/attempt.h"
#include "runtime/board.h"
#include "runtime/breaker.h"

namespace leat {
namespace {

constexpr auto kStopWithin = std::chrono::seconds(8);

bool RetryMends(ErrorKind kind) {
  return kind == ErrorKind::kTransient || kind == ErrorKind::kUnknownOutcome;
}

}  // namespace

class Pipeline::Impl {
 public:
  Impl(PipelineSettings settings, PipelineParts parts, Store& store, Clock& clock,
       Logger& log)
      : settings_(std::move(settings)),
        parts_(std::move(parts)),
        store_(store),
        clock_(clock),
        log_(log) {
    // Known before anything runs, too; who cannot read them says so when it starts.
    const auto kept = store.CountDeadLetters(settings_.name);
    board_.Update([&](PipelineStats& s) { s.dead_letters = kept.ok() ? *kept : 0; });
  }

  Status Run();
  void Rearm();
  void Stop();
  void StopNow() { StopNow(*orders_); }
  PipelineStats stats() const { return board_.Get(clock_.Now()); }

 private:
  // What was asked of one Run.
  struct Orders {
    ~Orders() {
      over.Cancel();
      if (watchdog.joinable()) watchdog.join();
    }
    std::atomic<bool> stop{false};
    std::atomic<bool> stop_now{false};
    CancelToken no_retry;  // cuts the wait before an attempt short
    CancelToken over;      // Run has returned
    std::thread watchdog;
  };

  void StopNow(Orders& orders);
  Status RunAttempts();
  Status RunAttempt(bool* progressed, Side* failed);
  // False: it was asked to stop.
  bool WaitToRetry(std::chrono::nanoseconds wait);
  void SetState(PipelineStats::State state) {
    board_.Update([&](PipelineStats& s) { s.state = state; });
  }
  void NoteError(const Status& error, bool retried);

  const PipelineSettings settings_;
  const PipelineParts parts_;
  Store& store_;
  Clock& clock_;
  Logger& log_;
  StatsBoard board_{clock_};
  PipelineMemory memory_;
  Breakers breakers_{settings_.name, settings_.policies.breaker, clock_, log_, board_};

  std::mutex mutex_;
  CancelToken* attempt_cancel_ = nullptr;  // of the attempt that runs
  std::unique_ptr<Orders> orders_ = std::make_unique<Orders>();  // last: its watchdog
};

Status Pipeline::Impl::Run() {
  Status result = RunAttempts();
  orders_->over.Cancel();
  if (result.ok()) {
    SetState(PipelineStats::State::kDone);
  } else {
    NoteError(result, /*retried=*/false);
    SetState(PipelineStats::State::kFailed);
  }
  return result;
}

Status Pipeline::Impl::RunAttempts() {
  const RetryPolicy& policy = settings_.policies.retry;
  Backoff backoff(policy.first, policy.longest, std::random_device()());
  // What opened one may have ended the run before this one.
  const auto open = breakers_.Wait();
  if (open > open.zero() && !WaitToRetry(open)) return Status::Ok();
  for (int64_t retries = 0;; retries++) {
    breakers_.Admit();
    bool progressed = false;
    Side failed = Side::kNeither;
    Status result = RunAttempt(&progressed, &failed);
    if (result.ok() || (orders_->stop_now && result.kind() == ErrorKind::kCancelled)) {
      return Status::Ok();
    }
    if (!RetryMends(result.kind())) return result;
    breakers_.Failed(failed);
    if (progressed) {
      backoff.Reset();
      retries = 0;
    }
    if (policy.max >= 0 && retries >= policy.max && !orders_->stop) {
      return result.Within(fmt::format("gave up after {} retries", retries));
    }
    NoteError(result, /*retried=*/true);
    const auto wait =
        std::max<std::chrono::nanoseconds>(backoff.Next(), breakers_.Wait());
    if (!orders_->stop) {
      log_.Warn("trying again", {{"pipeline", settings_.name},
                                 {"in_ms", wait / Millis(1)},
                                 {"error", result.message()}});
    }
    if (orders_->stop || !WaitToRetry(wait)) {
      log_.Warn("stopped while failing; the next start goes on from the last commit",
                {{"pipeline", settings_.name}, {"error", result.message()}});
      return Status::Ok();
    }
  }
}

bool Pipeline::Impl::WaitToRetry(std::chrono::nanoseconds wait) {
  SetState(PipelineStats::State::kRetrying);
  if (clock_.Sleep(wait, orders_->no_retry)) return false;
  SetState(PipelineStats::State::kStarting);
  return true;
}

Status Pipeline::Impl::RunAttempt(bool* progressed, Side* failed) {
  CancelToken cancel;
  {
    std::lock_guard lock(mutex_);
    attempt_cancel_ = &cancel;
    if (orders_->stop_now) cancel.Cancel();
  }
  Status result;
  {
    Attempt attempt({settings_, parts_, store_, clock_, log_, board_, memory_, breakers_,
                     orders_->stop, cancel});
    result = attempt.Run();
    *progressed = attempt.progressed();
    *failed = attempt.failed_side();
    // A source that waits for its server need not be waited for.
    if (!result.ok()) cancel.Cancel();
  }
  std::lock_guard lock(mutex_);
  attempt_cancel_ = nullptr;
  return result;
}

void Pipeline::Impl::NoteError(const Status& error, bool retried) {
  board_.Update([&](PipelineStats& s) {
    s.last_error = error.ToString();
    s.last_error_time = clock_.WallMicros();
    if (retried) s.retries++;
  });
}

void Pipeline::Impl::Rearm() {
  orders_ = std::make_unique<Orders>();
  SetState(PipelineStats::State::kStarting);
}

void Pipeline::Impl::Stop() {
  std::lock_guard lock(mutex_);
  if (orders_->stop.exchange(true)) return;
  orders_->no_retry.Cancel();
  SetState(PipelineStats::State::kStopping);
  orders_->watchdog = std::thread([this, &orders = *orders_] {
    if (!orders.over.WaitFor(kStopWithin)) StopNow(orders);
  });
}

void Pipeline::Impl::StopNow(Orders& orders) {
  orders.stop_now = true;
  orders.no_retry.Cancel();
  std::lock_guard lock(mutex_);
  if (attempt_cancel_) attempt_cancel_->Cancel();
}

Pipeline::Pipeline(PipelineSettings settings, PipelineParts parts, Store& store,
                   Clock& clock, Logger& log)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(parts), store, clock,
                                   log)) {}
Pipeline::~Pipeline() = default;

Status Pipeline::Run() { return impl_->Run(); }
void Pipeline::Rearm() { impl_->Rearm(); }
void Pipeline::Stop() { impl_->Stop(); }
void Pipeline::StopNow() { impl_->StopNow(); }
PipelineStats Pipeline::stats() const { return impl_->stats(); }

}  // namespace leat
