// What a command line may say, as each command declares it. CLI11 reads it; its header is
// in arguments.cc and shell.cc alone, for it takes ten seconds to compile.
//
// Handles: cheap to copy, valid as long as the program's CLI::App. What an option is
// written to is borrowed, and has to live until the command has run. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace leat {

// An option, a flag or a positional argument.
class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}

  Argument& Required();
  // The help shows what it is unless given.
  Argument& ShowDefault();
  Argument& OneOf(const std::vector<std::string>& values);
  Argument& Between(int64_t least, int64_t most);
  Argument& Between(double least, double most);
  // Called with the text; answers what is wrong with it, or "".
  Argument& Check(const std::function<std::string(const std::string&)>& check);
  Argument& Needs(const Argument& other);
  Argument& Excludes(const Argument& other);

 private:
  CLI::Option* option_;
};

// A command as completions know it.
struct CommandWords {
  struct Below {
    std::string name;
    std::string description;
  };
  std::string path;  // "leat generate"
  std::vector<Below> commands;
  std::vector<std::string> options;  // "--output"
};

// A command or one below it.
class Arguments {
 public:
  explicit Arguments(CLI::App* app) : app_(app) {}

  Arguments Command(const std::string& name, const std::string& help) const;
  // One of its commands must be given.
  void RequireCommand() const;
  bool HasCommand() const;  // one was given

  // "-o,--output", or "PATH" for a positional argument.
  Argument Option(const std::string& names, std::string* value,
                  const std::string& help) const;
  Argument Option(const std::string& names, std::vector<std::string>* values,
                  const std::string& help) const;
  Argument Option(const std::string& names, int* value, const std::string& help) const;
  Argument Option(const std::string& names, int64_t* value,
                  const std::string& help) const;
  Argument Option(const std::string& names, uint64_t* value,
                  const std::string& help) const;
  Argument Option(const std::string& names, double* value, const std::string& help) const;
  Argument Flag(const std::string& names, bool* value, const std::string& help) const;

  // What the help ends with.
  void Footer(const std::string& text) const;
  // What the command does.
  void Run(std::function<void()> run) const;
  // Ends the command with what a missing argument ends it with.
  [[noreturn]] static void Missing(const std::string& name);

  // This one and all below it.
  std::vector<CommandWords> Words() const;

 private:
  CLI::App* app_;
};

}  // namespace leat
