#include "cli/arguments.h"

#include <CLI/CLI.hpp>

namespace leat {
namespace {

void Collect(const CLI::App& app, const std::string& path,
             std::vector<CommandWords>* all) {
  CommandWords words{path, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words.options.push_back("--" + name);
    }
  }
  const std::vector<const CLI::App*> below = app.get_subcommands(nullptr);
  for (const CLI::App* child : below) {
    words.commands.push_back({child->get_name(), child->get_description()});
  }
  all->push_back(std::move(words));
  for (const CLI::App* child : below) {
    Collect(*child, path + " " + child->get_name(), all);
  }
}

}  // namespace

Argument& Argument::Required() {
  option_->required();
  return *this;
}

Argument& Argument::ShowDefault() {
  option_->capture_default_str();
  return *this;
}

Argument& Argument::OneOf(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Argument& Argument::Between(int64_t least, int64_t most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Argument& Argument::Between(double least, double most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Argument& Argument::Check(const std::function<std::string(const std::string&)>& check) {
  option_->check(check);
  return *this;
}

Argument& Argument::Needs(const Argument& other) {
  option_->needs(other.option_);
  return *this;
}

Argument& Argument::Excludes(const Argument& other) {
  option_->excludes(other.option_);
  return *this;
}

Arguments Arguments::Command(const std::string& name, const std::string& help) const {
  return Arguments(app_->add_subcommand(name, help));
}

void Arguments::RequireCommand() const { app_->require_subcommand(1); }

bool Arguments::HasCommand() const { return !app_->get_subcommands().empty(); }

Argument Arguments::Option(const std::string& names, std::string* value,
                           const std::string& help) const {
  return Argument(app_->add_option(names, *value, help));
}

Argument Arguments::Option(const std::string& names, std::vector<std::string>* values,
                           const std::string& help) const {
  return Argument(app_->add_option(names, *values, help));
}

Argument Arguments::Option(const std::string& names, int* value,
                           const std::string& help) const {
  return Argument(app_->add_option(names, *value, help));
}

Argument Arguments::Option(const std::string& names, int64_t* value,
                           const std::string& help) const {
  return Argument(app_->add_option(names, *value, help));
}

Argument Arguments::Option(const std::string& names, uint64_t* value,
                           const std::string& help) const {
  return Argument(app_->add_option(names, *value, help));
}

Argument Arguments::Option(const std::string& names, double* value,
                           const std::string& help) const {
  return Argument(app_->add_option(names, *value, help));
}

Argument Arguments::Flag(const std::string& names, bool* value,
                         const std::string& help) const {
  return Argument(app_->add_flag(names, *value, help));
}

void Arguments::Footer(const std::string& text) const { app_->footer(text); }

void Arguments::Run(std::function<void()> run) const { app_->callback(std::move(run)); }

void Arguments::Missing(const std::string& name) { throw CLI::RequiredError(name); }

std::vector<CommandWords> Arguments::Words() const {
  std::vector<CommandWords> all;
  Collect(*app_, app_->get_name(), &all);
  return all;
}

}  // namespace leat
