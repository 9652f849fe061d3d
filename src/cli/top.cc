// leat top: the pipelines of a project, live.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/manager_call.h"
#include "cli/project_call.h"
#include "cli/terminal.h"
#include "cli/top_view.h"

namespace leat {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(1000);

// leat logs -f on this terminal, until it is interrupted.
void FollowLogs(const std::string& name, const ProjectOptions& options) {
  std::vector<std::string> line = {"leat", "logs",      name,
                                   "-f",   "--project", options.project};
  if (!options.data.empty()) line.insert(line.end(), {"--data", options.data});
  std::vector<char*> argv;
  for (std::string& word : line) argv.push_back(word.data());
  argv.push_back(nullptr);
  // Ctrl-C is the child's.
  const auto before = std::signal(SIGINT, SIG_IGN);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGINT, SIG_DFL);
    execv("/proc/self/exe", argv.data());
    _exit(kExitFailed);
  }
  if (child > 0) waitpid(child, nullptr, 0);
  std::signal(SIGINT, before);
}

// The command of the control socket that a key stands for; empty: none.
std::string_view CommandOf(char letter) {
  switch (letter) {
    case 'p': return "pause";
    case 'u': return "resume";
    case 'r': return "restart";
    default: return {};
  }
}

class Top {
 public:
  Top(const ProjectOptions& options, const Shell& shell)
      : options_(options), shell_(shell), terminal_(STDIN_FILENO, STDOUT_FILENO) {}

  void Run() {
    auto next = std::chrono::steady_clock::now();
    for (;;) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= next) {
        Look();
        next = now + kEvery;
      }
      const Terminal::Size size = terminal_.size();
      terminal_.Show(view_.Draw(size.width, size.height));
      const KeyPress press =
          terminal_.Read(std::chrono::ceil<std::chrono::milliseconds>(next - now));
      if (press.key == Key::kQuit) return;
      if (press.key == Key::kUp) view_.Move(-1);
      if (press.key == Key::kDown) view_.Move(1);
      if (press.key == Key::kOther) Do(press.letter);
    }
  }

 private:
  void Look() {
    auto answer = AskProject(options_, {{"command", "status"}}, shell_);
    if (answer.ok()) return view_.Add(*answer);
    view_.AddError(answer.status().message());
  }

  void Do(char letter) {
    const std::string name = view_.selected();
    if (name.empty()) return;
    if (letter == 'l') {
      terminal_.Leave();
      FollowLogs(name, options_);
      return terminal_.Enter();
    }
    const std::string_view command = CommandOf(letter);
    if (command.empty()) return;
    auto done = AskManager(options_, {{"command", command}, {"name", name}}, shell_);
    if (!done.ok()) view_.AddError(done.status().message());
  }

  const ProjectOptions options_;
  const Shell& shell_;
  Terminal terminal_;
  TopView view_;
};

int RunTop(const ProjectOptions& options, const Shell& shell) {
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
    return shell.Fail(Status::Config(
        "leat top draws on a terminal; leat status --watch is for everything else"));
  }
  // What is wrong with leat.yaml is said before the screen is taken.
  auto settings = LoadSettings(options, shell);
  if (!settings.ok()) return shell.Fail(settings.status());
  Top(options, shell).Run();
  return kExitDone;
}

}  // namespace

void AddTop(const Command& command) {
  auto options = std::make_shared<ProjectOptions>();
  Arguments app = command.arguments.Command(
      "top", "Watch the pipelines of a project, and steer them");
  AddProject(app, options.get());
  app.Footer(
      R"(The bars are the rates and the lags of the last seconds, each as a part of its own largest. The
line at the bottom is about the selected pipeline: why it is in its state, or what it has
overcome last.

Examples:
  leat top
  leat top --project /srv/shop)");
  app.Run([command, options] { *command.exit_code = RunTop(*options, *command.shell); });
}

}  // namespace leat
