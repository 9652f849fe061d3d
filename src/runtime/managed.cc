#include "runtime/managed.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/folder.h"
#include "store/store.h"

namespace leat {

using State = PipelineStats::State;

PipelineParts PartsOf(const PipelineFile& file, const Registry& registry) {
  PipelineParts parts;
  parts.source = [&](const Context& context) {
    return registry.FindSource(file.from.name)->make(file.from.config, context);
  };
  parts.sink = [&](const Context& context) {
    return registry.FindSink(file.to.name)->make(file.to.config, context);
  };
  if (file.steps.empty()) return parts;
  parts.steps =
      [&](const Context& context) -> Result<std::vector<std::unique_ptr<Step>>> {
    std::vector<std::unique_ptr<Step>> steps;
    for (const PartUse& use : file.steps) {
      ASSIGN_OR_RETURN(auto step, registry.FindStep(use.name)->make(use.config, context));
      steps.push_back(std::move(step));
    }
    return steps;
  };
  return parts;
}

ManagedPipeline::ManagedPipeline(PipelineFile file, const ManagerParts& parts, Gate& gate)
    : file_(std::move(file)),
      parts_(parts),
      log_(parts.log_of ? parts.log_of(file_.name) : parts.log),
      gate_(gate),
      wanted_since_(parts.clock.WallMicros()) {}

ManagedPipeline::~ManagedPipeline() = default;

Result<std::unique_ptr<ManagedPipeline>> ManagedPipeline::Make(
    PipelineFile file, const ProjectSettings& project, const ManagerParts& parts,
    Gate& gate) {
  std::unique_ptr<ManagedPipeline> made(
      new ManagedPipeline(std::move(file), parts, gate));
  RETURN_IF_ERROR(made->MakeWorkers(project));
  return made;
}

Status ManagedPipeline::MakeWorkers(const ProjectSettings& project) {
  const SourceType* source = parts_.registry.FindSource(file_.from.name);
  const int workers = source->workers ? source->workers(file_.from.config) : 1;
  for (int i = 0; i < workers; i++) {
    PipelineSettings settings = SettingsOf(project, i, workers);
    RETURN_IF_ERROR(MakeFolder(settings.data));
    auto worker = std::make_unique<Worker>();
    if (parts_.options.supervised) {
      const Policies& policies = file_.policies;
      worker->supervisor = std::make_unique<Supervisor>(
          policies.restart, policies.commit.every, std::random_device()());
    }
    worker->name = workers == 1 ? file_.name : fmt::format("{}#{}", file_.name, i);
    worker->pipeline =
        std::make_unique<Pipeline>(std::move(settings), PartsOf(file_, parts_.registry),
                                   parts_.store, parts_.clock, log_);
    workers_.push_back(std::move(worker));
  }
  return Status::Ok();
}

PipelineSettings ManagedPipeline::SettingsOf(const ProjectSettings& project, int worker,
                                             int workers) const {
  PipelineSettings settings;
  settings.name = file_.name;
  settings.worker = worker;
  settings.workers = workers;
  settings.data = project.data / "cache" / file_.name;
  if (workers > 1) settings.data /= std::to_string(worker);
  settings.project = project;
  // What the process itself needs is there whatever the project's broker does.
  if (file_.internal) settings.project.broker = {};
  settings.policies = file_.policies;
  settings.until_caught_up = parts_.options.until_caught_up && !file_.internal;
  settings.resume = parts_.options.resume;
  settings.new_state = parts_.options.new_state;
  return settings;
}

void ManagedPipeline::Want(Wanted wanted) {
  if (wanted != wanted_) wanted_since_ = parts_.clock.WallMicros();
  wanted_ = wanted;
  again_ = wanted == Wanted::kRun && stopping_;
  if (wanted != Wanted::kRun) return;
  for (auto& worker : workers_) {
    if (worker->phase != Worker::Phase::kRunning) worker->phase = Worker::Phase::kIdle;
    if (worker->supervisor) worker->supervisor->Forget();
  }
}

void ManagedPipeline::Restart() {
  Want(Wanted::kRun);
  again_ = running();
}

void ManagedPipeline::StopNow() {
  for (auto& worker : workers_) {
    if (worker->phase == Worker::Phase::kRunning) worker->pipeline->StopNow();
  }
}

void ManagedPipeline::Advance() {
  for (auto& worker : workers_) {
    if (worker->returned) NoteEnd(*worker);
  }
  if (wanted_ != Wanted::kRun || again_) {
    stopping_ = running();
    for (auto& worker : workers_) {
      if (worker->phase == Worker::Phase::kRunning) worker->pipeline->Stop();
      if (worker->phase == Worker::Phase::kWaiting) {
        worker->end = Status::Ok();  // stopped before the cause was gone
        worker->why.clear();
        worker->phase = Worker::Phase::kIdle;
      }
      if (worker->phase == Worker::Phase::kEnded && again_) {
        worker->phase = Worker::Phase::kIdle;
      }
    }
    if (stopping_) return;
    again_ = false;
  }
  if (wanted_ != Wanted::kRun) return;
  const SteadyTime now = parts_.clock.Now();
  for (auto& worker : workers_) {
    const bool due = now >= worker->due;
    if (worker->phase == Worker::Phase::kIdle) Run(*worker);
    if (worker->phase == Worker::Phase::kWaiting && due) Run(*worker);
    if (worker->phase == Worker::Phase::kRunning && due) Check(*worker);
  }
}

void ManagedPipeline::Check(Worker& worker) {
  worker.due = parts_.clock.Now() + file_.policies.restart.check_every;
  if (!worker.supervisor || !worker.stalled.empty()) return;
  auto reason = worker.supervisor->Look(parts_.clock.Now(), worker.pipeline->stats());
  if (!reason) return;
  worker.stalled = worker.newest_stall = *std::move(reason);
  worker.stalls++;
  worker.stall_time = parts_.clock.WallMicros();
  log_.Error("pipeline stalled", {{"pipeline", worker.name}, {"error", worker.stalled}});
  worker.pipeline->StopNow();
}

void ManagedPipeline::Run(Worker& worker) {
  if (worker.ran) worker.pipeline->Rearm();
  worker.ran = true;
  worker.end = Status::Ok();
  worker.stalled.clear();
  worker.why.clear();
  worker.phase = Worker::Phase::kRunning;
  worker.due = parts_.clock.Now() + file_.policies.restart.check_every;
  if (worker.supervisor) worker.supervisor->Started(parts_.clock.Now());
  worker.thread = std::thread([this, &worker] {
    Status end = worker.pipeline->Run();
    if (!end.ok()) {
      log_.Error("pipeline failed",
                 {{"pipeline", worker.name}, {"error", end.message()}});
    }
    std::lock_guard lock(gate_.mutex);
    worker.end = std::move(end);
    worker.returned = true;
    gate_.changed.notify_all();
  });
}

void ManagedPipeline::NoteEnd(Worker& worker) {
  worker.thread.join();
  worker.returned = false;
  worker.phase = Worker::Phase::kEnded;
  worker.ended = parts_.clock.WallMicros();
  const bool stays = wanted_ == Wanted::kRun && !again_;
  if (!worker.stalled.empty() && stays) worker.end = Status::Transient(worker.stalled);
  worker.why = worker.end.message();
  if (!worker.end.ok() && worker.supervisor && stays) Decide(worker);
}

void ManagedPipeline::Decide(Worker& worker) {
  Supervisor::Decision decision = worker.supervisor->Ended(worker.end);
  worker.why = std::move(decision.why);
  if (!decision.restart_in) {
    log_.Error("pipeline failed for good",
               {{"pipeline", worker.name}, {"error", worker.why}});
    return;
  }
  worker.phase = Worker::Phase::kWaiting;
  worker.due = parts_.clock.Now() + *decision.restart_in;
  log_.Warn("restarting the pipeline", {{"pipeline", worker.name},
                                        {"in_ms", *decision.restart_in / Millis(1)},
                                        {"error", worker.why}});
}

bool ManagedPipeline::running() const {
  return std::ranges::any_of(
      workers_, [](const auto& w) { return w->phase == Worker::Phase::kRunning; });
}

bool ManagedPipeline::settled() const {
  return std::ranges::all_of(workers_, [&](const auto& w) {
    return w->phase == Worker::Phase::kEnded ||
           (w->phase == Worker::Phase::kIdle && wanted_ != Wanted::kRun);
  });
}

bool ManagedPipeline::failed() const {
  return std::ranges::any_of(workers_, [](const auto& w) {
    return w->phase == Worker::Phase::kEnded && !w->end.ok();
  });
}

std::vector<Status> ManagedPipeline::ends() const {
  std::vector<Status> ends;
  for (const auto& worker : workers_) ends.push_back(worker->end);
  return ends;
}

PipelineStats ManagedPipeline::StatsOf(const Worker& worker) const {
  PipelineStats stats = worker.pipeline->stats();
  if (worker.stall_time > stats.last_error_time) {
    stats.last_error = worker.newest_stall;
    stats.last_error_time = worker.stall_time;
  }
  if (worker.phase == Worker::Phase::kRunning) {
    if (wanted_ != Wanted::kRun || again_) {
      stats.state = State::kStopping;
    } else if (!worker.stalled.empty()) {
      stats.state = State::kStalled;
    } else if (stats.state == State::kFailed) {
      stats.state = State::kStopping;  // what follows is not decided yet
    }
    return stats;
  }
  stats.since = std::max(worker.ended, wanted_since_);
  if (wanted_ != Wanted::kRun) {
    stats.state = wanted_ == Wanted::kPaused ? State::kPaused : State::kStopped;
  } else if (worker.phase == Worker::Phase::kIdle) {
    stats.state = State::kStarting;
  } else if (worker.phase == Worker::Phase::kWaiting) {
    stats.state = worker.stalled.empty() ? State::kRetrying : State::kStalled;
  } else {
    stats.state = worker.end.ok() ? State::kDone : State::kFailed;
  }
  return stats;
}

PipelineView ManagedPipeline::View() const {
  PipelineView view;
  view.name = file_.name;
  view.source = file_.from.name;
  view.sink = file_.to.name;
  for (const auto& worker : workers_) {
    const int64_t restarts = worker->supervisor ? worker->supervisor->restarts() : 0;
    view.workers.push_back(
        {worker->name, StatsOf(*worker), restarts, worker->stalls, worker->why});
  }
  view.AddUp();
  const SourceType* source = parts_.registry.FindSource(file_.from.name);
  if (source->cursor && !view.stats.committed.empty()) {
    view.cursor = source->cursor(view.stats.committed.begin()->second);
  }
  return view;
}

}  // namespace leat
