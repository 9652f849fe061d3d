#include "runtime/stats.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace leat {

std::string_view StateName(PipelineStats::State state) {
  switch (state) {
    case PipelineStats::State::kStarting: return "starting";
    case PipelineStats::State::kRunning: return "running";
    case PipelineStats::State::kRetrying: return "retrying";
    case PipelineStats::State::kStopping: return "stopping";
    case PipelineStats::State::kDone: return "done";
    case PipelineStats::State::kFailed: return "failed";
    case PipelineStats::State::kStopped: return "stopped";
    case PipelineStats::State::kPaused: return "paused";
    case PipelineStats::State::kStalled: return "stalled";
  }
  return "failed";
}

std::string_view BreakerStateName(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed: return "closed";
    case BreakerState::kHalfOpen: return "half-open";
    case BreakerState::kOpen: return "open";
  }
  return "open";
}

void BreakerStats::Add(const BreakerStats& other) {
  state = std::max(state, other.state);
  failures = std::max(failures, other.failures);
  opened += other.opened;
  open_until = std::max(open_until, other.open_until);
}

namespace {

// What is not known of one of two, -1, is that of the other.
void AddKnown(int64_t* sum, int64_t other) {
  if (other >= 0) *sum = std::max<int64_t>(*sum, 0) + other;
}

nlohmann::ordered_json BreakerJson(const BreakerStats& breaker) {
  return {{"state", BreakerStateName(breaker.state)},
          {"failures", breaker.failures},
          {"opened", breaker.opened},
          {"open_until", breaker.open_until}};
}

}  // namespace

void PipelineStats::Add(const PipelineStats& other) {
  rows += other.rows;
  bytes += other.bytes;
  epochs += other.epochs;
  rows_read += other.rows_read;
  rows_per_second += other.rows_per_second;
  epoch = std::max(epoch, other.epoch);
  committed.insert(other.committed.begin(), other.committed.end());
  last_commit = std::max(last_commit, other.last_commit);
  commit_seconds.Add(other.commit_seconds);
  epoch_seconds.Add(other.epoch_seconds);
  lag.micros = std::max(lag.micros, other.lag.micros);
  AddKnown(&lag.bytes, other.lag.bytes);
  AddKnown(&lag.rows, other.lag.rows);
  queue_bytes += other.queue_bytes;
  uncommitted += other.uncommitted;
  // Each has counted those of the whole pipeline, at a moment of its own.
  dead_letters = std::max(dead_letters, other.dead_letters);
  retries += other.retries;
  if (other.last_error_time > last_error_time) {
    last_error = other.last_error;
    last_error_time = other.last_error_time;
  }
  source_breaker.Add(other.source_breaker);
  sink_breaker.Add(other.sink_breaker);
  reader_cpu_seconds += other.reader_cpu_seconds;
  writer_cpu_seconds += other.writer_cpu_seconds;
}

std::string PipelineStats::ToJson() const {
  nlohmann::ordered_json positions = nlohmann::ordered_json::object();
  for (const auto& [shard, position] : committed) positions[shard] = position.text;
  nlohmann::ordered_json json = {
      {"state", StateName(state)},
      {"since", since},
      {"rows", rows},
      {"bytes", bytes},
      {"rows_read", rows_read},
      {"rows_per_second", rows_per_second},
      {"epochs", epochs},
      {"epoch", epoch},
      {"committed", positions},
      {"last_commit", last_commit},
      {"lag_micros", lag.micros},
      {"lag_bytes", lag.bytes},
      {"lag_rows", lag.rows},
      {"queue_bytes", queue_bytes},
      {"uncommitted", uncommitted},
      {"dead_letters", dead_letters},
      {"retries", retries},
      {"last_error", last_error},
      {"last_error_time", last_error_time},
      {"breakers",
       {{"source", BreakerJson(source_breaker)}, {"sink", BreakerJson(sink_breaker)}}},
      {"reader_cpu_seconds", reader_cpu_seconds},
      {"writer_cpu_seconds", writer_cpu_seconds},
  };
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace leat
