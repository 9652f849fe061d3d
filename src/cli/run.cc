// leat run: the pipelines of the paths in the foreground, until they end, fail or a
// signal comes.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/topic_requests.h"
#include "core/pipeline_file.h"
#include "core/units.h"
#include "runtime/control.h"
#include "runtime/manager.h"
#include "store/store.h"

namespace leat {
namespace {

struct Options {
  std::vector<std::string> paths;
  std::string data;
  std::string log_level = "info";
  ManagerOptions manager;
};

LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

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
  Running(Project project, const Options& options, const Shell& shell)
      : project_(std::move(project)),
        options_(options),
        shell_(shell),
        progress_(shell.err_fd()),
        log_(progress_.log_fd(), LevelOf(options.log_level), progress_.format()) {}

  int Run() {
    const auto started = std::chrono::steady_clock::now();
    const std::filesystem::path data = project_.settings.data;
    auto store = Store::Open(data);
    if (!store.ok()) return Fail(store.status());
    auto made = Manager::Make(
        std::move(project_),
        {shell_.registry(), **store, Clock::System(), log_, options_.manager});
    if (!made.ok()) return Fail(made.status());
    Manager& manager = **made;
    auto control = ControlServer::Start(
        data, {store->get(), [&manager] { return manager.Views(); }, AnswerTopics});
    if (!control.ok()) return Fail(control.status());
    RunAll(manager);
    control = Status::Cancelled("ended");
    return Report(manager, std::chrono::steady_clock::now() - started);
  }

 private:
  int Fail(const Status& status) {
    if (progress_.format() == Logger::Format::kHuman) return shell_.Fail(status);
    log_.Error(status.message());
    return status.kind() == ErrorKind::kConfig ? kExitConfig : kExitFailed;
  }

  void RunAll(Manager& manager) {
    SignalWatch signals(
        [&] {
          log_.Info(
              "stopping: finishing the open epochs (a second signal leaves at once)");
          manager.StopAll();
        },
        [&] {
          log_.Warn("leaving at once; the next start loses nothing");
          manager.StopAllNow();
        });
    progress_.Start([&manager] { return StatsOf(manager); }, &log_);
    manager.StartAll();
    manager.Wait();
    progress_.Stop();
  }

  int Report(const Manager& manager, std::chrono::nanoseconds took) {
    const NamedStats all = StatsOf(manager);
    const std::vector<Status> ends = manager.Ends();
    // Bad configuration is one of all pipelines: where one ran, the run failed.
    const bool config = std::all_of(ends.begin(), ends.end(), [](const Status& end) {
      return end.kind() == ErrorKind::kConfig;
    });
    int exit_code = kExitDone;
    double seconds = std::max(std::chrono::duration<double>(took).count(), 1e-3);
    for (size_t i = 0; i < ends.size(); i++) {
      const auto& [name, stats] = all[i];
      if (progress_.format() == Logger::Format::kJson) {
        LogProgress(name, stats, "ended", &log_);
      } else {
        shell_.Err(Summary(name, stats, seconds));
      }
      if (ends[i].ok()) continue;
      exit_code = config ? kExitConfig : kExitFailed;
      if (progress_.format() == Logger::Format::kHuman) {
        shell_.Err(fmt::format("error: {}: {}\n", name, ends[i].message()));
      }
    }
    return exit_code;
  }

  static std::string Summary(const std::string& name, const PipelineStats& stats,
                             double seconds) {
    return fmt::format(
        "{}: {} rows in {} ({} rows/s), {} commits, {} dead letters\n", name,
        HumanCount(stats.rows), HumanDuration(std::llround(seconds * 1e6)),
        HumanCount(std::llround(static_cast<double>(stats.rows) / seconds)),
        HumanCount(stats.epochs), HumanCount(stats.dead_letters));
  }

  Project project_;
  const Options& options_;
  const Shell& shell_;
  Progress progress_;
  Logger log_;
};

// As a log where logs are JSON: whoever collects them gets nothing else.
int Refuse(const Diagnostics& diagnostics, const Shell& shell) {
  if (shell.err_is_terminal()) return shell.Fail(diagnostics);
  Logger log(shell.err_fd(), LogLevel::kError);
  for (const Diagnostic& d : diagnostics) log.Error(d.ToString());
  return kExitConfig;
}

int Run(const Options& options, const Shell& shell) {
  Diagnostics diagnostics;
  Project project =
      LoadProject(options.paths, shell.registry(), shell.environment(), &diagnostics);
  if (!diagnostics.empty()) return Refuse(diagnostics, shell);
  if (!options.data.empty()) project.settings.data = options.data;
  return Running(std::move(project), options, shell).Run();
}

}  // namespace

void AddRun(const Command& command) {
  auto options = std::make_shared<Options>();
  Arguments app =
      command.arguments.Command("run", "Run pipelines in the foreground, until stopped");
  app.Option("PATH", &options->paths, "Pipeline files, or a project's folder").Required();
  app.Flag("--until-caught-up", &options->manager.until_caught_up,
           "End with 0 once everything the sources had at the start is committed");
  app.Flag("--resume", &options->manager.resume,
           "Stop where nobody knows a position, instead of starting over");
  app.Flag("--new-state", &options->manager.new_state,
           "Forget the steps' state where the target is further than it");
  app.Option("--data", &options->data,
             "The folder for checkpoints and caches, instead of leat.yaml's");
  app.Option("--log-level", &options->log_level, "debug, info, warn or error")
      .OneOf({"debug", "info", "warn", "error"})
      .ShowDefault();
  app.Footer(
      R"(SIGINT and SIGTERM finish the open epoch, commit it and leave; a second one leaves at once,
and the next start loses nothing. Progress and logs go to stderr.

Examples:
  leat run pipelines/orders.yaml
  leat run examples/shop-to-lake --until-caught-up)");
  app.Run([command, options] { *command.exit_code = Run(*options, *command.shell); });
}

}  // namespace leat
