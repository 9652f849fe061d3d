#include "cli/progress.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/redact.h"
#include "cli/terminal.h"
#include "core/units.h"

namespace leat {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(200);
constexpr auto kLogEvery = std::chrono::seconds(30);
constexpr size_t kMaxLines = 12;

size_t Columns(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// Seconds until what is known to be left has been read; below 0: not known.
double SecondsLeft(const PipelineStats& stats) {
  if (stats.lag.rows <= 0 || stats.rows_per_second <= 0) return -1;
  return static_cast<double>(stats.lag.rows) / stats.rows_per_second;
}

}  // namespace

std::string ProgressLine(const std::string& name, const PipelineStats& stats) {
  std::string out = fmt::format("{:<16} {} rows", name, HumanCount(stats.rows));
  if (stats.state != PipelineStats::State::kRunning) {
    out += fmt::format("  {}", StateName(stats.state));
  }
  if (stats.state == PipelineStats::State::kRetrying) {
    return out + ": " + Redact(stats.last_error);
  }
  if (stats.state == PipelineStats::State::kStarting) return out;
  out += fmt::format("  {} rows/s", HumanCount(std::llround(stats.rows_per_second)));
  if (stats.lag.rows > 0) {
    out += fmt::format("  snapshot: {} rows left", HumanCount(stats.lag.rows));
    if (double left = SecondsLeft(stats); left >= 0) {
      out += fmt::format(", ETA {}", HumanDuration(std::llround(left * 1e6)));
    }
  } else {
    out += fmt::format("  lag {}", HumanDuration(std::max<int64_t>(stats.lag.micros, 0)));
    if (stats.lag.bytes > 0) out += fmt::format(" ({})", HumanBytes(stats.lag.bytes));
  }
  if (stats.dead_letters > 0) {
    out += fmt::format("  {} dead letters", HumanCount(stats.dead_letters));
  }
  if (stats.retries > 0) out += fmt::format("  {} retries", stats.retries);
  return out;
}

void LogProgress(const std::string& name, const PipelineStats& stats,
                 std::string_view message, Logger* log) {
  log->Write(LogLevel::kInfo, message,
             {{"pipeline", name},
              {"state", StateName(stats.state)},
              {"rows", stats.rows},
              {"rows_per_second", std::llround(stats.rows_per_second)},
              {"epochs", stats.epochs},
              {"lag_ms", stats.lag.micros / 1000},
              {"snapshot_rows_left", stats.lag.rows},
              {"dead_letters", stats.dead_letters},
              {"retries", stats.retries}});
}

Progress::Progress(int fd)
    : fd_(fd), drawing_(isatty(fd) && pipe2(pipe_, O_CLOEXEC) == 0) {
  if (drawing_) fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
}

Progress::~Progress() {
  Stop();
  for (int end : pipe_) {
    if (end >= 0) close(end);
  }
}

void Progress::Start(std::function<NamedStats()> stats, Logger* log) {
  stats_ = std::move(stats);
  log_ = log;
  thread_ = std::thread([this] { Run(); });
}

void Progress::Stop() {
  stop_.Cancel();
  if (thread_.joinable()) thread_.join();
  if (!drawing_) return;
  Erase();
  PassLogLines();
  WriteAll(fd_, kept_);
  kept_.clear();
}

void Progress::Run() {
  if (!drawing_) {
    while (!stop_.WaitFor(kLogEvery)) {
      for (const auto& [name, stats] : stats_())
        LogProgress(name, stats, "progress", log_);
    }
    return;
  }
  SteadyTime next = std::chrono::steady_clock::now() + kRedraw;
  while (!stop_.cancelled()) {
    auto left =
        std::chrono::duration_cast<Millis>(next - std::chrono::steady_clock::now());
    pollfd ready{pipe_[0], POLLIN, 0};
    bool logged =
        poll(&ready, 1, std::clamp<int>(static_cast<int>(left.count()), 0, 200)) > 0;
    if (!logged && std::chrono::steady_clock::now() < next) continue;
    Erase();
    PassLogLines();
    Draw();
    next = std::chrono::steady_clock::now() + kRedraw;
  }
}

// Whole lines only: a drawing must not start in the middle of one.
void Progress::PassLogLines() {
  char buffer[16384];
  for (ssize_t n = 0; (n = read(pipe_[0], buffer, sizeof(buffer))) > 0;) {
    kept_.append(buffer, static_cast<size_t>(n));
  }
  size_t end = kept_.rfind('\n');
  if (end == std::string::npos) return;
  WriteAll(fd_, std::string_view(kept_).substr(0, end + 1));
  kept_.erase(0, end + 1);
}

void Progress::Erase() {
  if (drawn_lines_ > 0) WriteAll(fd_, fmt::format("\x1b[{}A\r\x1b[J", drawn_lines_));
  drawn_lines_ = 0;
}

void Progress::Draw() {
  NamedStats all = stats_();
  std::string out;
  size_t columns = Columns(fd_);
  for (size_t i = 0; i < all.size() && i < kMaxLines; i++) {
    std::string line = ProgressLine(all[i].first, all[i].second);
    std::replace(line.begin(), line.end(), '\n', ' ');
    out += line.substr(0, columns - 1) + "\n";
  }
  if (all.size() > kMaxLines) {
    out += fmt::format("and {} more\n", all.size() - kMaxLines);
  }
  WriteAll(fd_, out);
  drawn_lines_ = static_cast<int>(std::min(all.size(), kMaxLines + 1));
}

}  // namespace leat
