// leat run: the pipelines of the paths in the foreground, until they end, fail or a
// signal comes.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/serving.h"
#include "core/units.h"

namespace leat {
namespace {

struct RunOptions {
  ProjectPlace place;
  std::string log_level = "info";
  ManagerOptions manager;
};

NamedStats StatsOf(const Manager& manager) {
  NamedStats all;
  for (const PipelineView& view : manager.Views()) {
    for (const WorkerView& worker : view.workers) {
      all.emplace_back(worker.name, worker.stats);
    }
  }
  return all;
}

class Running {
 public:
  Running(const RunOptions& options, const Shell& shell)
      : options_(options),
        shell_(shell),
        progress_(shell.err_fd()),
        log_(progress_.log_fd(), LevelOf(options.log_level), progress_.format()) {}

  int Run(Project project) {
    const auto started = std::chrono::steady_clock::now();
    auto opened =
        Serving::Open(std::move(project), options_.place, shell_, log_, options_.manager);
    if (!opened.ok()) return Refuse(opened.status(), shell_);
    const Manager& manager = (*opened)->manager();
    progress_.Start([&manager] { return StatsOf(manager); }, &log_);
    (*opened)->Run(/*reloads=*/false);
    progress_.Stop();
    return Report(manager, std::chrono::steady_clock::now() - started);
  }

 private:
  int Report(const Manager& manager, std::chrono::nanoseconds took) {
    const NamedStats all = StatsOf(manager);
    const std::vector<Status> ends = manager.Ends();
    double seconds = std::max(std::chrono::duration<double>(took).count(), 1e-3);
    for (size_t i = 0; i < ends.size(); i++) {
      const auto& [name, stats] = all[i];
      if (progress_.format() == Logger::Format::kJson) {
        LogProgress(name, stats, "ended", &log_);
      } else {
        shell_.Err(Summary(name, stats, seconds));
      }
      if (!ends[i].ok() && progress_.format() == Logger::Format::kHuman) {
        shell_.Err(fmt::format("error: {}: {}\n", name, ends[i].message()));
      }
    }
    return ExitCodeOf(ends);
  }

  static std::string Summary(const std::string& name, const PipelineStats& stats,
                             double seconds) {
    return fmt::format(
        "{}: {} rows in {} ({} rows/s), {} commits, {} dead letters\n", name,
        HumanCount(stats.rows), HumanDuration(std::llround(seconds * 1e6)),
        HumanCount(std::llround(static_cast<double>(stats.rows) / seconds)),
        HumanCount(stats.epochs), HumanCount(stats.dead_letters));
  }

  const RunOptions& options_;
  const Shell& shell_;
  Progress progress_;
  Logger log_;
};

int RunProject(const RunOptions& options, const Shell& shell) {
  Diagnostics diagnostics;
  Project project = Load(options.place, shell, &diagnostics);
  if (!diagnostics.empty()) return Refuse(diagnostics, shell);
  return Running(options, shell).Run(std::move(project));
}

}  // namespace

void AddRun(const Command& command) {
  auto options = std::make_shared<RunOptions>();
  Arguments app =
      command.arguments.Command("run", "Run pipelines in the foreground, until stopped");
  app.Option("PATH", &options->place.paths, "Pipeline files, or a project's folder")
      .Required();
  app.Flag("--until-caught-up", &options->manager.until_caught_up,
           "End with 0 once everything the sources had at the start is committed");
  app.Flag("--resume", &options->manager.resume,
           "Stop where nobody knows a position, instead of starting over");
  app.Flag("--new-state", &options->manager.new_state,
           "Forget the steps' state where the target is further than it");
  app.Option("--data", &options->place.data,
             "The folder for checkpoints and caches, instead of leat.yaml's");
  AddLogLevel(app, &options->log_level);
  app.Footer(
      R"(SIGINT and SIGTERM finish the open epoch, commit it and leave; a second one leaves at once,
and the next start loses nothing. Progress and logs go to stderr.

Examples:
  leat run pipelines/orders.yaml
  leat run examples/shop-to-lake --until-caught-up)");
  app.Run(
      [command, options] { *command.exit_code = RunProject(*options, *command.shell); });
}

}  // namespace leat
