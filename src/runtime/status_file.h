// StatusFile: keeps <data>/pipeline_status.json, for scripts, equal to the views: written
// to another name first and renamed, so that who reads it finds a whole one. Checkpoints
// are the truth; nothing of Leat reads it. One thread of its own until destroyed; the
// last writing is then. Where it cannot be written, that is logged once.
//
// {"updated_at": "2026-11-29T20:03:00Z", "pid": 7, "pipelines": {"orders": {"state":
//  "running", "since": TIME, "rows": 3, "restarts": 0, "last_processed_id": "42",
//  "positions": {SHARD: POSITION}, "last_error": "", ...}}}
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/view.h"

namespace leat {

class StatusFile {
 public:
  // Borrows the log.
  StatusFile(const std::filesystem::path& data,
             std::function<std::vector<PipelineView>()> views, Logger& log);
  ~StatusFile();

 private:
  void Write();

  const std::filesystem::path path_;
  const std::function<std::vector<PipelineView>()> views_;
  Logger& log_;
  std::string written_;  // the pipelines as they stand in the file
  bool complained_ = false;
  CancelToken over_;
  std::thread thread_;
};

}  // namespace leat
