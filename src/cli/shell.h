// What every command has: where its output goes, the parts, the environment. All output
// goes through it, so that no secret can leave. One thread, except Err.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/project_settings.h"
#include "core/registry.h"

namespace leat {

// What the process answers its caller.
enum ExitCode : int { kExitDone = 0, kExitFailed = 1, kExitUsage = 2, kExitConfig = 78 };

class Shell {
 public:
  // File descriptors are borrowed.
  Shell(int out, int err, Environment environment);

  const Registry& registry() const { return registry_; }
  const Environment& environment() const { return environment_; }
  int err_fd() const { return err_; }
  bool out_is_terminal() const;
  bool err_is_terminal() const;

  // Registered secrets are masked in both.
  void Out(std::string_view text) const;
  // The program's own text (help, descriptions), in which URLs are examples: as it is.
  void OutOwn(std::string_view text) const;
  void Err(std::string_view text) const;

  // Prints the error; answers the exit code its kind asks for.
  int Fail(const Status& status) const;
  // Prints what is wrong with the files, one a line, and how much it is.
  int Fail(const Diagnostics& diagnostics) const;

 private:
  const int out_;
  const int err_;
  const Environment environment_;
  Registry registry_;
};

// Runs a command line (without the program's name) and answers the exit code.
int RunCommandLine(const std::vector<std::string>& arguments, Shell* shell);

// The --output option that every command that reads has.
void AddOutput(Arguments app, std::string* output);

// --project and --data, of commands about a project without its pipelines.
struct ProjectOptions {
  std::string project = ".";
  std::string data;
};
void AddProject(Arguments app, ProjectOptions* options);
// leat.yaml's settings, with the data folder the options name.
Result<ProjectSettings> LoadSettings(const ProjectOptions& options, const Shell& shell);

}  // namespace leat
