#include <csignal>

#include "base/failpoint.h"
#include "cli/shell.h"

int main(int argc, char** argv) {
  leat::failpoint::ArmFromEnvironment();
  std::signal(SIGPIPE, SIG_IGN);
  leat::Shell shell(1, 2, leat::Environment::Process());
  return leat::RunCommandLine({argv + 1, argv + argc}, &shell);
}
