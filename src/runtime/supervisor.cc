#include "runtime/supervisor.h"

#include <fmt/format.h>

namespace leat {
namespace {

using State = PipelineStats::State;

bool HasWork(const PipelineStats& stats) {
  return stats.lag.bytes > 0 || stats.lag.rows > 0 || stats.queue_bytes > 0 ||
         stats.uncommitted > 0;
}

std::string Work(const PipelineStats& stats) {
  std::string work;
  auto add = [&](int64_t amount, const char* what) {
    if (amount > 0)
      work += fmt::format("{}{} {}", work.empty() ? "" : ", ", amount, what);
  };
  add(stats.lag.bytes, "bytes of log to read");
  add(stats.lag.rows, "rows of the snapshot to read");
  add(stats.queue_bytes, "bytes read and waiting");
  add(stats.uncommitted, "rows not committed");
  return work;
}

const char* Advice(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFenced:
      return "another process runs this pipeline against the same target; end one of the "
             "two, then leat restart this one";
    case ErrorKind::kConfig: return "change what it says, then leat restart";
    case ErrorKind::kBug: return "please report it with the pipeline's log";
    default: return "when the cause is gone, leat restart";
  }
}

}  // namespace

Supervisor::Supervisor(const RestartPolicy& policy, Micros commit_every, uint64_t seed)
    : policy_(policy),
      commit_every_(commit_every),
      backoff_(policy.first, policy.longest, seed) {}

void Supervisor::Started(SteadyTime now) {
  well_since_ = now;
  moved_ = now;
  furthest_ = 0;
}

std::optional<std::string> Supervisor::Look(SteadyTime now, const PipelineStats& stats) {
  if (stats.state != State::kRunning) {
    // Whoever retries says so, and why.
    well_since_ = now;
    moved_ = now;
    return std::nullopt;
  }
  // Rows read again and again after an abort are no way forward.
  const int64_t reached = stats.rows + stats.uncommitted;
  if (!HasWork(stats) || stats.epochs != epochs_ || reached > furthest_) moved_ = now;
  epochs_ = stats.epochs;
  furthest_ = std::max(furthest_, reached);
  if (now - moved_ >= policy_.stalled + commit_every_) {
    return fmt::format(
        "it stands still: nothing was committed for {} s while there was something to do "
        "({})",
        (now - moved_) / std::chrono::seconds(1), Work(stats));
  }
  if (moved_ == now && now - well_since_ >= policy_.healthy) {
    in_a_row_ = 0;
    backoff_.Reset();
  }
  return std::nullopt;
}

Supervisor::Decision Supervisor::Ended(const Status& end) {
  const bool fenced = end.kind() == ErrorKind::kFenced;
  if (fenced || in_a_row_ >= policy_.max) {
    return {
        std::nullopt,
        fmt::format("{}{}; {}", end.message(),
                    fenced ? "" : fmt::format("; gave up after {} restarts", in_a_row_),
                    Advice(end.kind()))};
  }
  restarts_++;
  in_a_row_++;
  return {backoff_.Next(),
          fmt::format("restart {} of {}: {}", in_a_row_, policy_.max, end.message())};
}

void Supervisor::Forget() {
  in_a_row_ = 0;
  backoff_.Reset();
}

}  // namespace leat
