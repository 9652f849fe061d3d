#include "runtime/status_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/redact.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kEvery = std::chrono::seconds(1);

Json TimeJson(int64_t micros) { return micros == 0 ? Json() : Json(UtcTime(micros)); }

Json Describe(const PipelineView& view) {
  const PipelineStats& stats = view.stats;
  Json positions = Json::object();
  for (const auto& [shard, position] : stats.committed) positions[shard] = position.text;
  return {{"state", StateName(stats.state)},
          {"since", TimeJson(stats.since)},
          {"rows", stats.rows},
          {"dead_letters", stats.dead_letters},
          {"restarts", view.restarts},
          {"retries", stats.retries},
          {"last_processed_id", view.cursor.empty() ? Json() : Json(view.cursor)},
          {"positions", std::move(positions)},
          {"last_commit", TimeJson(stats.last_commit)},
          {"last_error", stats.last_error},
          {"last_error_at", TimeJson(stats.last_error_time)},
          {"why", view.why}};
}

std::string Text(const Json& json) {
  return Redact(json.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace

StatusFile::StatusFile(const std::filesystem::path& data,
                       std::function<std::vector<PipelineView>()> views, Logger& log)
    : path_(data / "pipeline_status.json"), views_(std::move(views)), log_(log) {
  thread_ = std::thread([this] {
    do Write();
    while (!over_.WaitFor(kEvery));
  });
}

StatusFile::~StatusFile() {
  over_.Cancel();
  thread_.join();
  Write();
}

void StatusFile::Write() {
  Json pipelines = Json::object();
  for (const PipelineView& view : views_()) pipelines[view.name] = Describe(view);
  std::string now = Text(pipelines);
  if (now == written_) return;
  const std::string text = Text({{"updated_at", UtcTime(Clock::System().WallMicros())},
                                 {"pid", getpid()},
                                 {"pipelines", std::move(pipelines)}});
  const std::string fresh = path_.string() + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out && rename(fresh.c_str(), path_.c_str()) == 0) {
    written_ = std::move(now);
  } else if (!std::exchange(complained_, true)) {
    log_.Warn("the status file cannot be written; nothing else depends on it",
              {{"file", path_.string()}, {"error", std::strerror(errno)}});
  }
}

}  // namespace leat
