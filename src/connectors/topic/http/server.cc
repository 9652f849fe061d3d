#include "connectors/topic/http/server.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/json.h"
#include "format/json/reader.h"

namespace leat::topic::http {
namespace {

// The records of a body, as they stand in it.
Result<std::vector<std::string_view>> Split(std::string_view body, bool lines) {
  std::vector<std::string_view> records;
  json::Reader reader;
  std::vector<json::Member> members;
  if (lines) {
    for (size_t number = 1; !body.empty(); number++) {
      const size_t end = std::min(body.find('\n'), body.size());
      const std::string_view line = body.substr(0, end);
      body.remove_prefix(std::min(end + 1, body.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      RETURN_IF_ERROR(reader.Read(line, &members).Within(fmt::format("line {}", number)));
      records.push_back(line);
    }
    return records;
  }
  const size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || body[first] != '[') {
    RETURN_IF_ERROR(reader.Read(body, &members));
    return std::vector{body};
  }
  std::vector<json::Value> values;
  RETURN_IF_ERROR(reader.ReadArray(body, &values));
  for (size_t i = 0; i < values.size(); i++) records.push_back(values[i].text);
  for (size_t i = 0; i < records.size(); i++) {
    RETURN_IF_ERROR(
        reader.Read(records[i], &members).Within(fmt::format("element {}", i + 1)));
  }
  return records;
}

}  // namespace

Server::Server(ServerOptions options, Clock& clock, Logger& log, Keep keep)
    : options_(std::move(options)),
      clock_(clock),
      log_(log),
      keep_(std::move(keep)),
      http_(
          {.address = options_.address,
           .port = options_.port,
           .max_body = options_.max_body,
           .remedy = "stop the program that has the port, or give this pipeline another "
                     "`port`",
           .limit = "see max_body"},
          {[this](const HttpCall& call) { return Admit(call); },
           [this](const HttpCall& call) { return Take(call); }}) {}

Status Server::Start() {
  RETURN_IF_ERROR(http_.Start());
  log_.Info("accepting records", {{"url", fmt::format("http://{}:{}{}", options_.address,
                                                      options_.port, options_.path)}});
  return Status::Ok();
}

std::optional<HttpReply> Server::Admit(const HttpCall& call) const {
  if (call.path() != options_.path) {
    return HttpRefusal(404, "records are accepted by POST " + options_.path);
  }
  if (call.method() != "POST") {
    HttpReply refusal = HttpRefusal(405, "records are accepted by POST");
    refusal.headers = {{"Allow", "POST"}};
    return refusal;
  }
  if (!options_.token.empty() && !call.Bears(options_.token)) {
    HttpReply refusal = HttpRefusal(401, "send the token as Authorization: Bearer TOKEN");
    refusal.headers = {{"WWW-Authenticate", "Bearer"}};
    return refusal;
  }
  const std::string type = call.MediaType();
  if (type.empty() || type == "text/plain" ||
      type == "application/x-www-form-urlencoded" || type.starts_with("multipart/")) {
    return HttpRefusal(415, options_.json
                                ? "send Content-Type: application/json, or "
                                  "application/x-ndjson with a record on each line"
                                : "send Content-Type: application/octet-stream");
  }
  return std::nullopt;
}

HttpReply Server::Take(const HttpCall& call) const {
  std::vector<std::string_view> records{call.body()};
  if (options_.json) {
    auto split = Split(call.body(), call.MediaType() == "application/x-ndjson");
    if (!split.ok()) return HttpRefusal(400, split.status().message());
    records = *std::move(split);
  }
  if (records.empty()) return HttpRefusal(400, "there is no record in the body");
  RecordsBuilder builder(options_.topic);
  const int64_t now = clock_.WallMicros() / 1000;
  for (const std::string_view record : records) builder.Add(std::nullopt, record, now);
  auto offset = keep_(builder.Finish());
  if (!offset.ok()) {
    log_.Warn("records were refused", {{"error", offset.status().message()}});
    HttpReply refusal = HttpRefusal(503, offset.status().message());
    refusal.headers = {{"Retry-After", "1"}};
    return refusal;
  }
  const nlohmann::ordered_json accepted = {
      {"accepted", records.size()}, {"topic", options_.topic}, {"offset", *offset}};
  return {.code = 202, .body = DumpJsonLossy(accepted) + "\n"};
}

}  // namespace leat::topic::http
