// Progress of running pipelines on stderr: on a terminal a few lines that are redrawn,
// with log lines scrolling above them; elsewhere one log line now and then. Owned by leat
// run; its own thread draws. Log lines have to go through log_fd(), so that they do not
// land in the middle of a drawing.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/stats.h"

namespace leat {

using NamedStats = std::vector<std::pair<std::string, PipelineStats>>;

class Progress {
 public:
  // `fd` is borrowed. Draws if it is a terminal.
  explicit Progress(int fd);
  ~Progress();  // stops; nothing that was logged is lost
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Where the logger has to write.
  int log_fd() const { return drawing_ ? pipe_[1] : fd_; }
  Logger::Format format() const {
    return drawing_ ? Logger::Format::kHuman : Logger::Format::kJson;
  }

  // `stats` is asked from the thread of this, until Stop. Borrows the log.
  void Start(std::function<NamedStats()> stats, Logger* log);
  void Stop();

 private:
  void Run();
  void Draw();
  void Erase();
  void PassLogLines();

  const int fd_;
  int pipe_[2] = {-1, -1};  // log lines, when drawing
  const bool drawing_;
  std::function<NamedStats()> stats_;
  Logger* log_ = nullptr;
  CancelToken stop_;
  std::thread thread_;
  std::string kept_;  // the start of a log line whose end has not come yet
  int drawn_lines_ = 0;
};

// One line of it: "orders  412,000 rows  310,233 rows/s  lag 0.3s  ETA 3s".
std::string ProgressLine(const std::string& name, const PipelineStats& stats);
// Logs the same as fields.
void LogProgress(const std::string& name, const PipelineStats& stats,
                 std::string_view message, Logger* log);

}  // namespace leat
