// leat run: the pipelines of the paths in the foreground, each with its own writer
// thread, until they end, fail or a signal comes.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/topic_requests.h"
#include "core/pipeline_file.h"
#include "core/units.h"
#include "runtime/control.h"
#include "runtime/pipeline.h"
#include "store/store.h"

namespace leat {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> paths;
  std::string data;
  std::string log_level = "info";
  bool until_caught_up = false;
  bool resume = false;
  bool new_state = false;
};

LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

PipelineSettings SettingsOf(const PipelineFile& file, int worker, int workers,
                            const ProjectSettings& project, const Options& options) {
  PipelineSettings settings;
  settings.name = file.name;
  settings.worker = worker;
  settings.workers = workers;
  settings.data = project.data / "cache" / file.name;
  if (workers > 1) settings.data /= std::to_string(worker);
  settings.project = project;
  settings.commit = {file.commit_every, file.commit_rows, file.commit_bytes};
  settings.retry = {file.retry_max, std::chrono::duration_cast<Millis>(file.retry_first),
                    std::chrono::duration_cast<Millis>(file.retry_longest)};
  settings.max_dead_letters = file.max_dead_letters;
  settings.until_caught_up = options.until_caught_up;
  settings.resume = options.resume;
  settings.new_state = options.new_state;
  return settings;
}

// Borrows the file and the registry, which live as long as the pipeline.
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

class Running {
 public:
  Running(const Project& project, const Options& options, const Shell& shell)
      : project_(project),
        options_(options),
        shell_(shell),
        progress_(shell.err_fd()),
        log_(progress_.log_fd(), LevelOf(options.log_level), progress_.format()) {}

  int Run() {
    auto started = std::chrono::steady_clock::now();
    auto store = Store::Open(project_.settings.data);
    if (!store.ok()) return Fail(store.status());
    for (const PipelineFile& file : project_.pipelines) {
      if (Status made = MakePipelines(file, **store); !made.ok()) return Fail(made);
    }
    auto control = ControlServer::Start(
        project_.settings.data, {store->get(), [this] { return Stats(); }, AnswerTopics});
    if (!control.ok()) return Fail(control.status());
    std::vector<Status> ends = RunAll();
    control = Status::Cancelled("ended");
    return Report(ends, std::chrono::steady_clock::now() - started);
  }

 private:
  // One for each worker.
  Status MakePipelines(const PipelineFile& file, Store& store) {
    const SourceType* source = shell_.registry().FindSource(file.from.name);
    const int workers = source->workers ? source->workers(file.from.config) : 1;
    for (int worker = 0; worker < workers; worker++) {
      PipelineSettings settings =
          SettingsOf(file, worker, workers, project_.settings, options_);
      std::error_code error;
      fs::create_directories(settings.data, error);
      if (error) {
        return Status::Config(fmt::format("cannot create the folder {}: {}",
                                          settings.data.string(), error.message()));
      }
      names_.push_back(workers == 1 ? file.name
                                    : fmt::format("{}#{}", file.name, worker));
      pipelines_.push_back(std::make_unique<Pipeline>(std::move(settings),
                                                      PartsOf(file, shell_.registry()),
                                                      store, Clock::System(), log_));
    }
    return Status::Ok();
  }

  int Fail(const Status& status) {
    if (progress_.format() == Logger::Format::kHuman) return shell_.Fail(status);
    log_.Error(status.message());
    return status.kind() == ErrorKind::kConfig ? kExitConfig : kExitFailed;
  }

  NamedStats Stats() const {
    NamedStats all;
    for (size_t i = 0; i < pipelines_.size(); i++) {
      all.emplace_back(names_[i], pipelines_[i]->stats());
    }
    return all;
  }

  std::vector<Status> RunAll() {
    SignalWatch signals(
        [this] {
          log_.Info(
              "stopping: finishing the open epochs (a second signal leaves at once)");
          for (auto& pipeline : pipelines_) pipeline->Stop();
        },
        [this] {
          log_.Warn("leaving at once; the next start loses nothing");
          for (auto& pipeline : pipelines_) pipeline->StopNow();
        });
    progress_.Start([this] { return Stats(); }, &log_);
    std::vector<Status> ends(pipelines_.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < pipelines_.size(); i++) {
      threads.emplace_back([this, i, &ends] {
        ends[i] = pipelines_[i]->Run();
        if (!ends[i].ok()) {
          log_.Error("pipeline failed",
                     {{"pipeline", names_[i]}, {"error", ends[i].message()}});
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    progress_.Stop();
    return ends;
  }

  int Report(const std::vector<Status>& ends, std::chrono::nanoseconds took) {
    // Bad configuration is one of all pipelines: where one ran, the run failed.
    const bool config = std::all_of(ends.begin(), ends.end(), [](const Status& end) {
      return end.kind() == ErrorKind::kConfig;
    });
    int exit_code = kExitDone;
    double seconds = std::max(std::chrono::duration<double>(took).count(), 1e-3);
    for (size_t i = 0; i < ends.size(); i++) {
      const std::string& name = names_[i];
      PipelineStats stats = pipelines_[i]->stats();
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

  const Project& project_;
  const Options& options_;
  const Shell& shell_;
  Progress progress_;
  Logger log_;
  std::vector<std::unique_ptr<Pipeline>> pipelines_;
  std::vector<std::string> names_;  // of each
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
  return Running(project, options, shell).Run();
}

}  // namespace

void AddRun(const Command& command) {
  auto options = std::make_shared<Options>();
  Arguments app =
      command.arguments.Command("run", "Run pipelines in the foreground, until stopped");
  app.Option("PATH", &options->paths, "Pipeline files, or a project's folder").Required();
  app.Flag("--until-caught-up", &options->until_caught_up,
           "End with 0 once everything the sources had at the start is committed");
  app.Flag("--resume", &options->resume,
           "Stop where nobody knows a position, instead of starting over");
  app.Flag("--new-state", &options->new_state,
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
