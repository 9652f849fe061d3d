#include "server/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "server/metric_aliases.h"
#include "server/metric_page.h"

namespace leat {
namespace {

const std::time_t kStarted = std::time(nullptr);

double Seconds(int64_t micros) { return static_cast<double>(micros) / 1e6; }

// Numbers of metrics are double.
double Number(int64_t value) { return static_cast<double>(value); }

void AddBreaker(MetricPage& page, const std::string& pipeline, const char* side,
                const BreakerStats& breaker) {
  const MetricLabels labels = {{"pipeline", pipeline}, {"side", side}};
  page.Gauge("leat_pipeline_breaker_state",
             "The circuit breaker of one side: 0 closed, 1 half-open, 2 open.", labels,
             static_cast<double>(breaker.state));
  page.Counter("leat_pipeline_breaker_opened_total", "How often it opened.", labels,
               Number(breaker.opened));
}

void AddState(MetricPage& page, const std::string& pipeline, PipelineStats::State state) {
  using State = PipelineStats::State;
  for (State one :
       {State::kStarting, State::kRunning, State::kRetrying, State::kStopping,
        State::kDone, State::kFailed, State::kStopped, State::kPaused, State::kStalled}) {
    page.Gauge("leat_pipeline_state", "1 for the state that the pipeline is in.",
               {{"pipeline", pipeline}, {"state", std::string(StateName(one))}},
               one == state ? 1 : 0);
  }
}

void AddLag(MetricPage& page, const MetricLabels& labels, const Lag& lag) {
  if (lag.micros >= 0) {
    page.Gauge("leat_pipeline_lag_seconds",
               "How old the newest committed change was when it was committed.", labels,
               Seconds(lag.micros));
  }
  if (lag.bytes >= 0) {
    page.Gauge("leat_pipeline_lag_bytes", "Bytes of the source that are not read yet.",
               labels, Number(lag.bytes));
  }
  if (lag.rows >= 0) {
    page.Gauge("leat_pipeline_lag_rows", "Rows of the source that are not read yet.",
               labels, Number(lag.rows));
  }
}

void AddPipeline(MetricPage& page, const PipelineView& view) {
  const PipelineStats& s = view.stats;
  const MetricLabels labels = {{"pipeline", view.name}};
  AddState(page, view.name, s.state);
  page.Counter("leat_pipeline_rows_total", "Rows committed.", labels, Number(s.rows));
  page.Counter("leat_pipeline_rows_read_total", "Rows read from the source.", labels,
               Number(s.rows_read));
  page.Counter("leat_pipeline_bytes_total", "Bytes in memory of the rows committed.",
               labels, Number(s.bytes));
  page.Counter("leat_pipeline_epochs_total", "Epochs committed.", labels,
               Number(s.epochs));
  page.Durations("leat_pipeline_commit_duration_seconds",
                 "What it took to prepare and commit an epoch.", labels,
                 s.commit_seconds);
  page.Durations("leat_pipeline_epoch_duration_seconds",
                 "From the first row of an epoch to its commit.", labels,
                 s.epoch_seconds);
  page.Gauge("leat_pipeline_last_commit_timestamp_seconds",
             "When the newest epoch was committed, since 1970; 0: none was.", labels,
             Seconds(s.last_commit));
  AddLag(page, labels, s.lag);
  page.Gauge("leat_pipeline_queue_bytes", "Bytes read and waiting to be written.", labels,
             Number(s.queue_bytes));
  page.Gauge("leat_pipeline_uncommitted_rows", "Rows written and not committed.", labels,
             Number(s.uncommitted));
  page.Gauge("leat_pipeline_dead_letters", "Rows set aside and kept.", labels,
             Number(s.dead_letters));
  page.Counter("leat_pipeline_retries_total", "Attempts that failed.", labels,
               Number(s.retries));
  page.Counter("leat_pipeline_restarts_total", "Starts by the supervisor.", labels,
               Number(view.restarts));
  page.Counter("leat_pipeline_stalls_total", "Times it was seen to stand still.", labels,
               Number(view.stalls));
  AddBreaker(page, view.name, "source", s.source_breaker);
  AddBreaker(page, view.name, "sink", s.sink_breaker);
  for (const auto& [thread, seconds] :
       {std::pair{"reader", s.reader_cpu_seconds}, {"writer", s.writer_cpu_seconds}}) {
    page.Counter("leat_pipeline_cpu_seconds_total", "CPU time of its threads.",
                 {{"pipeline", view.name}, {"thread", thread}}, seconds);
  }
}

int64_t ResidentBytes() {
  int64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// By the names that Prometheus' own clients give them.
void AddProcess(MetricPage& page) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto micros = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
  page.Counter("process_cpu_seconds_total", "CPU time of the process.", {},
               Seconds(micros(used.ru_utime) + micros(used.ru_stime)));
  page.Gauge("process_resident_memory_bytes", "Resident memory of the process.", {},
             Number(ResidentBytes()));
  std::error_code ignored;
  page.Gauge(
      "process_open_fds", "Open file descriptors.", {},
      Number(std::distance(std::filesystem::directory_iterator("/proc/self/fd", ignored),
                           std::filesystem::directory_iterator())));
  page.Gauge("process_start_time_seconds", "When the process started, since 1970.", {},
             Number(kStarted));
  page.Gauge("leat_build_info", "1, with the version.", {{"version", LEAT_VERSION}}, 1);
}

}  // namespace

std::string PrometheusText(const std::vector<PipelineView>& views,
                           const MetricAliases& aliases) {
  MetricPage page;
  for (const PipelineView& view : views) AddPipeline(page, view);
  AddProcess(page);
  if (aliases.debezium) AddDebeziumNames(views, &page);
  if (!aliases.topics.empty()) AddKafkaExporterNames(aliases, &page);
  return page.Text();
}

}  // namespace leat
