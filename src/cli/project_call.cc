#include "cli/project_call.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/topic_requests.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Result<Json> AskOwner(const ProjectSettings& settings, const Json& request,
                      const MoreRequests& more) {
  const std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  ASSIGN_OR_RETURN(std::string answer_text, CallControl(settings.data, text, more));
  Json answer = Json::parse(answer_text, nullptr, false);
  if (answer.is_discarded() || !answer.is_object()) {
    return Status::Bug("the answer of the running process is not JSON: " + answer_text);
  }
  if (answer.value("ok", false)) return answer;
  return Status::Config(answer.value("error", answer_text));
}

Result<Json> AskProject(const ProjectOptions& options, const Json& request,
                        const Shell& shell) {
  ASSIGN_OR_RETURN(const ProjectSettings settings, LoadSettings(options, shell));
  return AskOwner(settings, request, AnswerTopics);
}

Result<Json> AskTopics(const ProjectOptions& options, const Json& request,
                       const Shell& shell) {
  ASSIGN_OR_RETURN(const ProjectSettings settings, LoadSettings(options, shell));
  if (settings.broker.embedded()) return AskOwner(settings, request, AnswerTopics);
  return Status::Config(
      "this command is about embedded topics, and the project's broker is Kafka; Kafka's "
      "own tools show its topics and groups");
}

std::string TimeText(int64_t millis) {
  if (millis == 0) return "-";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}",
                     fmt::gmtime(static_cast<std::time_t>(millis / 1000)));
}

std::string AsTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); i++)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); i++) {
      line += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace leat
