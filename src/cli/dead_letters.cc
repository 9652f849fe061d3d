// leat dead-letters: the rows a sink could not take, as the process that runs tells them,
// or as the store has them where none does.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/project_call.h"
#include "core/json.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

struct DeadLetterOptions {
  std::string pipeline;
  ProjectOptions project;
  std::string after;
  std::string output = "text";
  std::vector<std::string> remove;
  int limit = 100;
};

std::string LettersAsText(const Json& letters) {
  std::string out;
  for (const Json& letter : letters) {
    out += fmt::format("{}  {}  {}\n  {}\n  at   {}\n  row  {}\n", letter.value("id", ""),
                       TimeText(letter.value("time", int64_t{0}) / 1000),
                       letter.value("table", ""), letter.value("reason", ""),
                       letter.value("position", ""), letter.value("row", ""));
  }
  return out;
}

// How many each pipeline has.
int Count(const DeadLetterOptions& options, const Shell& shell) {
  auto answer = AskProject(options.project, {{"command", "status"}}, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  Json counts = Json::object();
  std::string text;
  for (const auto& [name, stats] : answer->at("pipelines").items()) {
    counts[name] = stats.value("dead_letters", int64_t{0});
    text += fmt::format("{:<16} {}\n", name, counts[name].get<int64_t>());
  }
  shell.Out(options.output == "json" ? DumpJson(counts, 2) + "\n" : text);
  return kExitDone;
}

// No letters of a name that no pipeline has is a mistake, and no good news.
Status CheckName(const DeadLetterOptions& options, const Shell& shell) {
  ASSIGN_OR_RETURN(const Json answer,
                   AskProject(options.project, {{"command", "status"}}, shell));
  std::string names;
  for (const auto& [name, stats] : answer.at("pipelines").items()) {
    if (name == options.pipeline) return Status::Ok();
    names += (names.empty() ? "" : ", ") + name;
  }
  return Status::Config(fmt::format("no pipeline named {} has run in this project; {}",
                                    options.pipeline,
                                    names.empty() ? "none has" : "there are: " + names));
}

int DeadLetters(const DeadLetterOptions& options, const Shell& shell) {
  if (options.pipeline.empty()) return Count(options, shell);
  Json request = {{"command", "dead-letters"},
                  {"pipeline", options.pipeline},
                  {"limit", options.limit},
                  {"after", options.after}};
  if (!options.remove.empty()) {
    request = {{"command", "dead-letters-delete"},
               {"pipeline", options.pipeline},
               {"ids", options.remove}};
  }
  auto answer = AskProject(options.project, request, shell);
  if (!answer.ok()) return shell.Fail(answer.status());
  if (!options.remove.empty()) {
    shell.Out(fmt::format("deleted {}\n", options.remove.size()));
    return kExitDone;
  }
  const Json letters = answer->value("rows", Json::array());
  if (letters.empty()) {
    if (Status known = CheckName(options, shell); !known.ok()) return shell.Fail(known);
  }
  shell.Out(options.output == "json" ? DumpJson(letters, 2) + "\n"
                                     : LettersAsText(letters));
  if (options.output == "text" && letters.empty()) {
    shell.Out(fmt::format("{} has no dead letters\n", options.pipeline));
  }
  return kExitDone;
}

}  // namespace

void AddDeadLetters(const Command& command) {
  auto options = std::make_shared<DeadLetterOptions>();
  Arguments app = command.arguments.Command(
      "dead-letters", "Show the rows that a sink could not take, and why");
  Argument pipeline = app.Option("PIPELINE", &options->pipeline,
                                 "Its name; without it, how many each has");
  AddProject(app, &options->project);
  app.Option("--limit", &options->limit, "At most this many")
      .Between(int64_t{1}, int64_t{100000})
      .ShowDefault();
  app.Option("--after", &options->after, "Those after this id");
  app.Option("--delete", &options->remove, "Delete the letters with these ids instead")
      .Needs(pipeline);
  AddOutput(app, &options->output);
  app.Footer(R"(Examples:
  leat dead-letters
  leat dead-letters orders --project examples/shop-to-lake
  leat dead-letters orders --output json)");
  app.Run(
      [command, options] { *command.exit_code = DeadLetters(*options, *command.shell); });
}

}  // namespace leat
