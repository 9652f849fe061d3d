// ManagedPipeline: a pipeline of a project with its workers and their threads, what runs
// of it, and what is wanted. The manager's alone: its lock (Gate::mutex) is held in every
// call; the workers' threads take it at their end.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/pipeline_file.h"
#include "runtime/pipeline.h"
#include "runtime/supervisor.h"
#include "runtime/view.h"

namespace leat {

struct ManagerOptions {
  // As PipelineSettings has them.
  bool until_caught_up = false;
  bool resume = false;
  bool new_state = false;
  // What fails or stands still is started anew, as each pipeline's `restart` says.
  bool supervised = false;
};

// What the pipelines of a manager share. Borrowed.
struct ManagerParts {
  const Registry& registry;
  Store& store;
  Clock& clock;
  Logger& log;
  ManagerOptions options;
  // The log of a pipeline; null: that of all.
  std::function<Logger&(const std::string& pipeline)> log_of = nullptr;
};

struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
};

// How to make what a pipeline file names; borrows both.
PipelineParts PartsOf(const PipelineFile& file, const Registry& registry);

class ManagedPipeline {
 public:
  enum class Wanted : uint8_t { kRun, kPaused, kStopped };

  // kConfig: a folder cannot be made.
  static Result<std::unique_ptr<ManagedPipeline>> Make(PipelineFile file,
                                                       const ProjectSettings& project,
                                                       const ManagerParts& parts,
                                                       Gate& gate);
  // No worker may run.
  ~ManagedPipeline();

  const PipelineFile& file() const { return file_; }
  int workers() const { return static_cast<int>(workers_.size()); }
  Wanted wanted() const { return wanted_; }
  // What is wanted from now on. To run what has ended, or is about to, starts it anew.
  void Want(Wanted wanted);
  // Ends it, and runs it again.
  void Restart();
  void StopNow();
  // Goes as far towards what is wanted as can be gone without waiting.
  void Advance();

  // A worker runs.
  bool running() const;
  // Nothing runs, and nothing will without somebody's word.
  bool settled() const;
  // That because a worker failed.
  bool failed() const;
  // Of each worker's newest run; OK where it ended well, or has not ended.
  std::vector<Status> ends() const;
  PipelineView View() const;

 private:
  struct Worker {
    enum class Phase : uint8_t { kIdle, kRunning, kWaiting, kEnded };
    std::string name;
    std::unique_ptr<Pipeline> pipeline;
    std::unique_ptr<Supervisor> supervisor;  // null: nobody looks after it
    Phase phase = Phase::kIdle;
    std::string stalled;  // why this run was asked to end; empty: it was not
    std::string newest_stall;
    int64_t stalls = 0;
    int64_t stall_time = 0;  // microseconds since 1970 UTC; 0: it never stood still
    std::string why;         // of what was decided about its end
    SteadyTime due;          // kRunning: the next check; kWaiting: the restart
    bool returned = false;   // its thread is about to end
    bool ran = false;
    Status end;
    int64_t ended = 0;  // microseconds since 1970 UTC
    std::thread thread;
  };

  ManagedPipeline(PipelineFile file, const ManagerParts& parts, Gate& gate);
  Status MakeWorkers(const ProjectSettings& project);
  PipelineSettings SettingsOf(const ProjectSettings& project, int worker,
                              int workers) const;
  void Run(Worker& worker);
  void Check(Worker& worker);
  void NoteEnd(Worker& worker);
  void Decide(Worker& worker);
  PipelineStats StatsOf(const Worker& worker) const;

  const PipelineFile file_;
  const ManagerParts parts_;
  Logger& log_;
  Gate& gate_;
  Wanted wanted_ = Wanted::kStopped;
  int64_t wanted_since_;   // microseconds since 1970 UTC
  bool stopping_ = false;  // its workers were asked to end
  bool again_ = false;     // they run anew once they have
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace leat
