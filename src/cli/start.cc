// leat start: a project as a daemon under supervision. It runs the program anew, in a
// session of its own, as `leat start --foreground` with a pipe in LEAT_READY_FD: what
// goes wrong until that is written to goes to the caller's stderr and is its exit code;
// from then on output goes to data/logs/leat.out.
#include "cli/start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "cli/commands.h"
#include "cli/log_files.h"

namespace leat {
namespace {

namespace fs = std::filesystem;

constexpr char kReadyFd[] = "LEAT_READY_FD";

// data/leat.pid while it lives.
class PidFile {
 public:
  explicit PidFile(fs::path path) : path_(std::move(path)) {
    std::ofstream(path_) << getpid() << "\n";
  }
  ~PidFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  const fs::path path_;
};

// Tells whoever started this process that it runs, and lets go of its terminal.
void LetGo(int ready, const fs::path& output) {
  const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (in >= 0) dup2(in, STDIN_FILENO);
  if (out >= 0) {
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
  }
  for (int fd : {in, out}) {
    if (fd >= 0) close(fd);
  }
  [[maybe_unused]] ssize_t n = write(ready, "+", 1);
  close(ready);
}

// -1: nobody waits for it.
int TakeReadyFd() {
  const char* text = std::getenv(kReadyFd);
  if (!text) return -1;
  int fd = -1;
  std::from_chars(text, text + std::char_traits<char>::length(text), fd);
  unsetenv(kReadyFd);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

int RunHere(const StartOptions& options, const Shell& shell) {
  std::signal(SIGHUP, SIG_IGN);  // until it means a reload
  const int ready = TakeReadyFd();
  const bool detached = ready >= 0;
  // Whoever starts a daemon reads himself what is wrong.
  auto refuse = [&](const auto& what) {
    return detached ? shell.Fail(what) : Refuse(what, shell);
  };
  Diagnostics diagnostics;
  Project project = Load(options.place, shell, &diagnostics);
  if (!diagnostics.empty()) return refuse(diagnostics);
  const fs::path data = project.settings.data;
  auto logs = LogFiles::Open(data / "logs", LevelOf(options.log_level),
                             detached ? -1 : shell.err_fd());
  if (!logs.ok()) return refuse(logs.status());
  Logger& log = (*logs)->own();
  ManagerOptions manager;
  manager.supervised = true;
  auto opened = Serving::Open(
      std::move(project), options.place, shell, log, manager,
      [&](const std::string& name) -> Logger& { return (*logs)->Of(name); });
  if (!opened.ok()) return refuse(opened.status());
  PidFile pid(data / "leat.pid");
  log.Info("started", {{"pid", getpid()}, {"version", LEAT_VERSION}});
  if (detached) LetGo(ready, data / "logs" / "leat.out");
  (*opened)->Run(/*reloads=*/true);
  if (ExitCodeOf((*opened)->manager().Ends()) == kExitDone) {
    log.Info("ended");
    return kExitDone;
  }
  // Bad configuration that only running shows is a failure of the daemon.
  log.Error("ended: pipelines have failed");
  return kExitFailed;
}

std::vector<std::string> CommandLine(const StartOptions& options) {
  std::vector<std::string> line = {"leat", "start", "--foreground", "--log-level",
                                   options.log_level};
  if (!options.place.data.empty()) {
    line.insert(line.end(), {"--data", options.place.data});
  }
  line.insert(line.end(), options.place.paths.begin(), options.place.paths.end());
  return line;
}

// Between fork and exec only what may be called where other threads hold locks.
pid_t Spawn(const StartOptions& options, int ready) {
  const std::vector<std::string> line = CommandLine(options);
  std::vector<char*> argv;
  for (const std::string& word : line) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  setenv(kReadyFd, std::to_string(ready).c_str(), /*overwrite=*/1);
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    fcntl(ready, F_SETFD, 0);
    execv("/proc/self/exe", argv.data());
    _exit(kExitFailed);
  }
  unsetenv(kReadyFd);
  return child;
}

int RunDetached(const StartOptions& options, const Shell& shell) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return kExitFailed;
  const pid_t child = Spawn(options, ready[1]);
  close(ready[1]);
  if (child < 0) {
    close(ready[0]);
    return shell.Fail(Status::Transient("no process can be made; try again later"));
  }
  char said = 0;
  const bool runs = read(ready[0], &said, 1) == 1;
  close(ready[0]);
  if (runs) {
    shell.Out(fmt::format("started, process {}; leat status shows it\n", child));
    return kExitDone;
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kExitFailed;
}

}  // namespace

int Start(const StartOptions& options, const Shell& shell) {
  return options.foreground ? RunHere(options, shell) : RunDetached(options, shell);
}

void AddStart(const Command& command) {
  auto options = std::make_shared<StartOptions>();
  auto path = std::make_shared<std::string>(".");
  Arguments app =
      command.arguments.Command("start", "Run a project as a daemon, under supervision");
  app.Option("DIR", path.get(), "The project's folder").ShowDefault();
  app.Flag("--foreground", &options->foreground,
           "Stay in the foreground, for systemd and containers; logs go to stderr too");
  app.Option("--data", &options->place.data,
             "The folder for checkpoints and caches, instead of leat.yaml's");
  AddLogLevel(app, &options->log_level);
  app.Footer(
      R"(A pipeline that fails or stands still is started anew, as `restart` in its file says; when
all have failed the daemon ends with 1. It comes back to this prompt once the files were
checked and the data folder opened. Logs are in data/logs, the process's number in
data/leat.pid; SIGHUP does what leat reload does. Health, metrics and an API are on
127.0.0.1:8083 by HTTP, or where `api` in leat.yaml says.

Examples:
  leat start
  leat start /srv/shop --data /var/lib/leat
  leat start /srv/shop --foreground)");
  app.Run([command, options, path] {
    options->place.paths = {*path};
    *command.exit_code = Start(*options, *command.shell);
  });
}

}  // namespace leat
