// leat completions: scripts for bash, zsh and fish, made from the commands themselves.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/commands.h"

namespace leat {
namespace {

std::vector<std::string> NamesAndOptions(const CommandWords& words) {
  std::vector<std::string> all;
  for (const auto& below : words.commands) all.push_back(below.name);
  all.insert(all.end(), words.options.begin(), words.options.end());
  return all;
}

// zsh runs the same function through its emulation of bash's completion.
std::string Bash(const std::vector<CommandWords>& all, bool zsh) {
  std::string out =
      zsh ? "#compdef leat\nautoload -Uz bashcompinit && bashcompinit\n" : "";
  out +=
      "_leat() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} path=leat word words\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$path $word\" in\n";
  for (const CommandWords& words : all) {
    if (words.path != "leat") {
      out += fmt::format("      '{0}') path='{0}' ;;\n", words.path);
    }
  }
  out += "    esac\n  done\n  case $path in\n";
  for (const CommandWords& words : all) {
    out += fmt::format("    '{}') words='{}' ;;\n", words.path,
                       Joined(NamesAndOptions(words), " "));
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -o default -F _leat leat\n";
  return out;
}

std::string FishQuoted(std::string text) {
  for (size_t at = text.find('\''); at != std::string::npos;
       at = text.find('\'', at + 2)) {
    text.insert(at, "\\");
  }
  return "'" + text + "'";
}

std::string Fish(const std::vector<CommandWords>& all) {
  std::string out;
  for (const CommandWords& words : all) {
    std::string rest = words.path.substr(std::min<size_t>(words.path.size(), 5));
    std::vector<std::string> below;
    for (const auto& child : words.commands) below.push_back(child.name);
    std::vector<std::string> conditions;
    if (!rest.empty()) conditions.push_back("__fish_seen_subcommand_from " + rest);
    if (!below.empty()) {
      conditions.push_back(
          fmt::format("not __fish_seen_subcommand_from {}", Joined(below, " ")));
    }
    std::string when = FishQuoted(Joined(conditions, "; and "));
    for (const auto& child : words.commands) {
      out += fmt::format("complete -c leat -n {} -f -a {} -d {}\n", when, child.name,
                         FishQuoted(child.description));
    }
    for (const std::string& option : words.options) {
      out += fmt::format("complete -c leat -n {} -l {}\n", when, option.substr(2));
    }
  }
  return out;
}

}  // namespace

void AddCompletions(const Command& command) {
  auto shell_name = std::make_shared<std::string>();
  Arguments app = command.arguments.Command(
      "completions", "Print a script that completes commands in a shell");
  app.Option("SHELL", shell_name.get(), "bash, zsh or fish")
      .Required()
      .OneOf({"bash", "zsh", "fish"});
  app.Footer(R"(Examples:
  source <(leat completions bash)
  leat completions zsh > ~/.zfunc/_leat
  leat completions fish > ~/.config/fish/completions/leat.fish)");
  app.Run([command, shell_name] {
    const std::vector<CommandWords> all = command.arguments.Words();
    command.shell->OutOwn(*shell_name == "fish" ? Fish(all)
                                                : Bash(all, *shell_name == "zsh"));
  });
}

}  // namespace leat
