#include "cli/project_call.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/folder.h"
#include "cli/topic_requests.h"
#include "connectors/topic/access.h"
#include "connectors/topic/kafka/kafka.h"
#include "core/json.h"

namespace leat {

using Json = nlohmann::ordered_json;

Result<Json> AskOwner(const ProjectSettings& settings, const Json& request,
                      const MoreRequests& more) {
  const std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  ASSIGN_OR_RETURN(std::string answer_text, CallControl(settings.data, text, more));
  Json answer = TryParseJson<Json>(answer_text);
  if (answer.is_discarded() || !answer.is_object()) {
    return Status::Bug("the answer of the running process is not JSON: " + answer_text);
  }
  if (answer.value("ok", false)) return answer;
  return Status::Config(answer.value("error", answer_text));
}

Result<Json> AskProject(const ProjectOptions& options, const Json& request,
                        const Shell& shell) {
  ASSIGN_OR_RETURN(const ProjectSettings settings, LoadSettings(options, shell));
  return AskOwner(settings, request, AnswerEmbeddedTopics);
}

TopicCalls::~TopicCalls() = default;
TopicCalls::TopicCalls(TopicCalls&&) noexcept = default;

Result<TopicCalls> TopicCalls::Open(const ProjectOptions& options, const Shell& shell) {
  TopicCalls calls;
  ASSIGN_OR_RETURN(calls.settings_, LoadSettings(options, shell));
  if (calls.settings_.broker.embedded()) return calls;
  // What the client has to report, the error that comes of it says.
  calls.log_ = std::make_unique<Logger>(shell.err_fd(), LogLevel::kError);
  ASSIGN_OR_RETURN(calls.kafka_,
                   topic::kafka::MakeAccess(calls.settings_.broker, *calls.log_));
  return calls;
}

Result<Json> TopicCalls::Ask(const Json& request) {
  if (kafka_) {
    ASSIGN_OR_RETURN(const Json more, AnswerTopics(*kafka_, request));
    Json answer = {{"ok", true}};
    answer.update(more);
    return answer;
  }
  // A topic may be there before anything ran.
  if (request.at("command") == "topics-create") {
    RETURN_IF_ERROR(MakeFolder(settings_.data));
  }
  return AskOwner(settings_, request, AnswerEmbeddedTopics);
}

Result<Json> AskTopics(const ProjectOptions& options, const Json& request,
                       const Shell& shell) {
  ASSIGN_OR_RETURN(TopicCalls calls, TopicCalls::Open(options, shell));
  return calls.Ask(request);
}

std::string TimeText(int64_t millis) {
  if (millis == 0) return "-";
  return UtcText(millis / 1000, ' ');
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
