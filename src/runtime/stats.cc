#include "runtime/stats.h"

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
  }
  return "failed";
}

std::string PipelineStats::ToJson() const {
  nlohmann::ordered_json positions = nlohmann::ordered_json::object();
  for (const auto& [shard, position] : committed) positions[shard] = position.text;
  nlohmann::ordered_json json = {
      {"state", StateName(state)},
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
      {"dead_letters", dead_letters},
      {"restarts", restarts},
      {"last_error", last_error},
      {"last_error_time", last_error_time},
      {"reader_cpu_seconds", reader_cpu_seconds},
      {"writer_cpu_seconds", writer_cpu_seconds},
  };
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace leat
